//! Everything that the user sees: problems, plans, progress, tables, questions. The only place that writes to stdout
//! and stderr.

pub mod certificates;
pub mod log;
pub mod neutral;
pub mod output;
pub mod plan;
pub mod problem;
pub mod progress;
pub mod prompt;
pub mod roll;
pub mod stream;
pub mod table;
