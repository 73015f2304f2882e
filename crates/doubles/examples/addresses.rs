//! Says where the connectors are to look for the doubles, for programs that start both: a line for each variable, with
//! the server that it leads to and the path there.

use std::io::Write as _;

use doubles::{Clock, Providers};

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    for double in Providers::new(&Clock::new(|| 0), 0).doubles() {
        for (variable, path) in double.addresses() {
            writeln!(out, "{variable} {} {path}", double.server())?;
        }
    }
    Ok(())
}
