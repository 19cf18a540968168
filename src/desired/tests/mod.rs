//! Whole clusters: what a specification becomes.
