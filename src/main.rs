//! The `windlass` command.

fn main() -> std::process::ExitCode {
    windlass::exit::Exit::Done.into()
}
