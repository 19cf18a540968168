//! Runs one child process to its end, within a time limit, and never leaves it behind.
//!
//! The waiting is done on tokio's blocking pool and not with `tokio::process`: in the sandbox tokio's clock is paused
//! and jumps ahead whenever every task waits. A task on the blocking pool holds the jump back, a child of
//! `tokio::process` does not, and a lease would run out while git works. For the same reason the limit is real time:
//! git is real in the sandbox too.
//!
//! The child gets a process group of its own. So Ctrl-C at the terminal reaches windlass alone, which lets a push in
//! flight finish, and a kill reaches the helpers that git starts (ssh, git-remote-https) as well.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// Between the polite signal and the kill: git removes its lock files on SIGTERM, which takes milliseconds.
const GRACE: Duration = Duration::from_secs(2);

/// What a pipe may hold when its writer ends: Linux' default for `pipe-max-size` (pipe(7)), above every other system's.
const PIPE: usize = 1024 * 1024;

/// What a child left.
#[derive(Debug)]
pub(super) struct Finished {
    /// Whether it exited with 0.
    pub(super) success: bool,
    /// The exit code; `None`: a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// Why there is no [`Finished`].
#[derive(Debug)]
pub(super) enum Failure {
    /// It could not be started.
    Start(io::Error),
    /// It took too long and was ended. It may have done its work.
    TimedOut,
    /// It was ended because nobody waits for it any more, or the runtime is shutting down.
    Cancelled,
}

enum Event {
    Exited,
    Cancelled,
}

/// The child's group as long as it may be signalled, and whether anybody still wants the result.
#[derive(Default)]
struct Shared {
    group: Option<Pid>,
    cancelled: bool,
    events: Option<Sender<Event>>,
}

type Handle = Arc<Mutex<Shared>>;

/// Runs `command` with `input` on its standard input. Dropping the future ends the child.
pub(super) async fn run(command: Command, input: Vec<u8>, limit: Duration) -> Result<Finished, Failure> {
    let shared = Handle::default();
    let _guard = CancelOnDrop(Arc::clone(&shared));
    let work = tokio::task::spawn_blocking(move || run_blocking(command, input, limit, &shared));
    work.await.unwrap_or(Err(Failure::Cancelled))
}

struct CancelOnDrop(Handle);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let mut shared = lock(&self.0);
        shared.cancelled = true;
        signal(&shared, Signal::TERM);
        if let Some(events) = &shared.events {
            // Nobody listens any more: the child has ended.
            let _ = events.send(Event::Cancelled);
        }
    }
}

fn run_blocking(mut command: Command, input: Vec<u8>, limit: Duration, shared: &Handle) -> Result<Finished, Failure> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let (sender, events) = channel();
    let mut child = {
        let mut state = lock(shared);
        if state.cancelled {
            return Err(Failure::Cancelled);
        }
        let child = command.spawn().map_err(Failure::Start)?;
        state.group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        state.events = Some(sender.clone());
        child
    };
    let stdout = child.stdout.take().map(Collector::start).transpose();
    let stderr = child.stderr.take().map(Collector::start).transpose();
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ends early closes the pipe; its exit says why.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    watch(shared, sender);
    let ended = wait(&events, limit, shared);
    let status = reap(&mut child, shared);
    ended?;
    let whole = |output: io::Result<Option<Collector>>| output?.map_or_else(|| Ok(Vec::new()), Collector::finish);
    let left = status.and_then(|status| Ok((status, whole(stdout)?, whole(stderr)?)));
    let (status, stdout, stderr) = left.map_err(Failure::Start)?;
    Ok(Finished { success: status.success(), code: status.code(), stdout, stderr })
}

/// Waits until the child has ended; ends it when the time is over or nobody wants it any more.
fn wait(events: &Receiver<Event>, limit: Duration, shared: &Handle) -> Result<(), Failure> {
    let failure = match events.recv_timeout(limit) {
        Ok(Event::Exited) => return Ok(()),
        Ok(Event::Cancelled) => Failure::Cancelled,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            signal(&lock(shared), Signal::TERM);
            Failure::TimedOut
        }
    };
    while let Ok(event) = events.recv_timeout(GRACE) {
        if matches!(event, Event::Exited) {
            return Err(failure);
        }
    }
    signal(&lock(shared), Signal::KILL);
    Err(failure)
}

/// Tells when the child has ended, without reaping it: until then its process id is nobody else's.
fn watch(shared: &Handle, sender: Sender<Event>) {
    let group = lock(shared).group;
    thread::spawn(move || {
        if let Some(child) = group {
            while waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
                .is_err_and(|error| error == rustix::io::Errno::INTR)
            {}
        }
        // Nobody listens any more: it was killed and reaped.
        let _ = sender.send(Event::Exited);
    });
}

/// From here on the process id may be somebody else's, so no signal is sent any more.
fn reap(child: &mut Child, shared: &Handle) -> io::Result<std::process::ExitStatus> {
    let mut state = lock(shared);
    state.group = None;
    state.events = None;
    drop(state);
    child.wait()
}

fn signal(shared: &Shared, signal: Signal) {
    if let Some(group) = shared.group {
        // It has ended by itself meanwhile: what was wanted.
        let _ = kill_process_group(group, signal);
    }
}

/// Reads a pipe to its end, or to the end of what its child wrote: a daemon that the child started (git's credential
/// cache) may hold the pipe open for ever. No clock says when that is: half a listing must never be taken for a whole one,
/// however long this process stood still.
struct Collector {
    reader: JoinHandle<io::Result<Vec<u8>>>,
    /// Closed when the child has ended.
    running: PipeWriter,
}

impl Collector {
    fn start(pipe: impl Read + AsFd + Send + 'static) -> io::Result<Self> {
        let (ended, running) = io::pipe()?;
        Ok(Self { reader: thread::spawn(move || read_all(pipe, &ended)), running })
    }

    /// Everything that the child wrote, which has ended.
    fn finish(self) -> io::Result<Vec<u8>> {
        drop(self.running);
        self.reader.join().unwrap_or_else(|_| Err(io::Error::other("the reader of its output broke off")))
    }
}

fn read_all(mut pipe: impl Read + AsFd, ended: &PipeReader) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    let mut left = PIPE;
    let mut was_over = false;
    while left > 0 {
        let mut ends = [PollFd::new(&pipe, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
        match poll(&mut ends, None) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        let [has_more, is_over] = ends.map(|end| !end.revents().is_empty());
        // Only a look that began after the end says that nothing comes any more.
        if !has_more && was_over {
            break;
        }
        was_over = is_over;
        if !has_more {
            continue;
        }
        match pipe.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => {
                bytes.extend_from_slice(&chunk[..length]);
                left -= if is_over { length.min(left) } else { 0 };
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

fn lock(shared: &Handle) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn input_goes_in_and_output_and_exit_code_come_out() {
        let input = vec![b'x'; 300_000];
        let finished = run(shell("cat; echo trouble >&2; exit 3"), input.clone(), GRACE * 10).await.expect("it ran");
        assert_eq!((finished.success, finished.code), (false, Some(3)));
        assert_eq!(finished.stdout, input);
        assert_eq!(finished.stderr, b"trouble\n");
    }

    #[tokio::test]
    async fn a_child_that_takes_too_long_is_ended_with_its_children() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = format!("cd {}; sh -c 'echo $$ > pid; exec sleep 600'; true", folder.path().display());
        let failure = run(shell(&script), Vec::new(), Duration::from_millis(200)).await;
        assert!(matches!(failure, Err(Failure::TimedOut)), "{failure:?}");
        assert_gone(folder.path());
    }

    #[tokio::test]
    async fn a_child_that_ignores_the_polite_signal_is_killed() {
        let script = "trap '' TERM; while :; do sleep 0.1; done";
        let failure = run(shell(script), Vec::new(), Duration::from_millis(100)).await;
        assert!(matches!(failure, Err(Failure::TimedOut)), "{failure:?}");
    }

    #[tokio::test]
    async fn dropping_the_future_ends_the_child() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = format!("cd {}; echo $$ > pid.new; mv pid.new pid; exec sleep 600", folder.path().display());
        let child = tokio::spawn(run(shell(&script), Vec::new(), GRACE * 100));
        while !folder.path().join("pid").exists() {
            tokio::task::yield_now().await;
        }
        child.abort();
        assert!(child.await.is_err());
        assert_gone(folder.path());
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_stands_still_while_a_child_runs() {
        let begin = tokio::time::Instant::now();
        let child = run(shell("sleep 0.2"), Vec::new(), GRACE * 10);
        let timer = tokio::time::sleep(Duration::from_secs(3600));
        tokio::select! {
            biased;
            finished = child => assert!(finished.is_ok()),
            () = timer => panic!("the clock jumped"),
        }
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_daemon_that_holds_the_pipe_does_not_hold_us() {
        for daemon in ["sleep 30", "yes"] {
            let finished = run(shell(&format!("echo done; {daemon} &")), Vec::new(), GRACE * 10).await.expect("it ran");
            assert!(finished.stdout.starts_with(b"done\n"), "{daemon}");
        }
    }

    #[test]
    fn what_a_child_wrote_is_read_however_late_that_is() {
        let (pipe, mut child) = io::pipe().expect("a pipe");
        let (ended, running) = io::pipe().expect("a pipe");
        child.write_all(&[b'x'; 50_000]).expect("room");
        drop(running);
        // The other end stays open, as with a daemon.
        assert_eq!(read_all(pipe, &ended).expect("it reads").len(), 50_000);
        drop(child);
    }

    /// Ends when the process whose id is in `pid` is gone; the test runner's own limit ends a failure.
    fn assert_gone(folder: &Path) {
        let text = std::fs::read_to_string(folder.join("pid")).expect("the child wrote its id");
        let id = Pid::from_raw(text.trim().parse().expect("a number")).expect("an id");
        while rustix::process::test_kill_process(id).is_ok() {
            thread::yield_now();
        }
    }
}
