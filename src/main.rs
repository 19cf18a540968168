//! The `windlass` command.

fn main() -> std::process::ExitCode {
    windlass::cli::run(std::env::args_os().collect::<Vec<_>>()).into()
}
