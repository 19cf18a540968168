//! Runs work that recurses on a stack of its own, so that input decides neither that the caller's stack suffices nor
//! that it does not.

/// Room for the deepest input that the parsers' limits let through, measured in a debug build, and as much again
/// (bytes). It is reserved address space: only what is used becomes memory.
const STACK: usize = 128 * 1024 * 1024;

/// Runs `work` on another thread and waits for it. When the system gives no thread, or `work` panics, `refused` says
/// what to answer.
pub(super) fn deep<T: Send>(work: impl FnOnce() -> T + Send, refused: impl FnOnce(String) -> T) -> T {
    std::thread::scope(|scope| match std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work) {
        Ok(handle) => match handle.join() {
            Ok(result) => result,
            Err(_) => refused(String::from("the parser failed")),
        },
        Err(error) => refused(error.to_string()),
    })
}
