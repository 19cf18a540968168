//! Golden plans: small worlds, written by hand, and what the plan makes of them.
