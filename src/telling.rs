//! What tests tell people.

/// Prints what was measured: numbers for people, which no test asserts.
macro_rules! say {
    ($($argument:tt)*) => {
        // A closed stderr is no reason to fail.
        let _told = std::io::Write::write_all(&mut std::io::stderr(), format!("{}\n", format_args!($($argument)*)).as_bytes());
    };
}
