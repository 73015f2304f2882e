//! A data folder that can't be written any more while the program runs: on a file system of its own, which is filled, whose
//! files are made immutable, and which the kernel makes read-only as after a fault of the disk.
//!
//! `cargo test -p local --bench unwritable` prints a table, in about three minutes, and fails where something is lost, told
//! twice, or not answered in words. It needs root, to mount an image in a mount namespace of its own; elsewhere it says that
//! nothing was tried.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it prints, and what can not go on panics

#[allow(dead_code)]
#[path = "../../tests/process/process.rs"]
mod process;
mod scene;

use scene::Scene;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first word of the process in the namespace.
const INSIDE: &str = "inside";
const IMAGE_BYTES: u64 = 64 * 1024 * 1024;
/// Of the file that fills the rest.
const PIECE: [u8; 4096] = [0; 4096];
const MOUNT: &str = "mount -o loop,errors=remount-ro \"$1\" \"$2\"";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [inside, image, folder] if inside == INSIDE => try_all(&Disk::new(image, folder)),
        _ => try_in_a_namespace(),
    }
}

/// What is mounted there is gone with the last process in it, however that ends.
fn try_in_a_namespace() {
    let place = tempfile::tempdir().unwrap();
    let (image, folder) = (place.path().join("image"), place.path().join("data"));
    File::create(&image).unwrap().set_len(IMAGE_BYTES).unwrap();
    std::fs::create_dir(&folder).unwrap();
    let is_made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).status();
    let begun = |then: &str| {
        let script = format!("{MOUNT} && {then}");
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]).arg(program).args([&image, &folder]);
        command.status()
    };
    if !(is_made.is_ok_and(|made| made.success()) && begun("true").is_ok_and(|begun| begun.success())) {
        println!("NOT TRIED: this machine makes and mounts no file system in a namespace of its own");
        return;
    }
    let tried = begun(&format!("exec \"$0\" {INSIDE} \"$1\" \"$2\"")).unwrap();
    assert!(tried.success(), "{tried}");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn try_all(disk: &Disk) {
    println!("| the data folder | what is seen while the program runs | and then |\n|---|---|---|");
    Scene::begun(disk, "full").await.goes_on(|| disk.fill(), || disk.make_room()).await;
    let (freeze, thaw) = (|| disk.set_immutable("+i"), || disk.set_immutable("-i"));
    Scene::begun(disk, "immutable").await.goes_on(freeze, thaw).await;
    Scene::begun(disk, "read-only").await.goes_on_after_a_start(disk).await;
}

/// A file system of one's own.
struct Disk {
    image: PathBuf,
    folder: PathBuf,
}

impl Disk {
    fn new(image: &str, folder: &str) -> Self {
        Disk { image: image.into(), folder: folder.into() }
    }

    /// A new folder on it.
    fn data(&self, name: &str) -> PathBuf {
        let data = self.folder.join(name);
        std::fs::create_dir(&data).unwrap();
        data
    }

    /// Not on it.
    fn log(&self) -> PathBuf {
        self.image.with_file_name("log")
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }

    /// To the last byte: an open log grows within the blocks that it has.
    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        while filler.write_all(&PIECE).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    /// Open descriptors write no more either.
    fn set_immutable(&self, flag: &str) {
        done(Command::new("chattr").args(["-R", flag]).arg(&self.folder));
    }

    /// As after a fault: nobody can be asked to close their files first, and only a new mount ends it.
    fn fail(&self) {
        done(Command::new("mount").args(["-o", "remount,abort"]).arg(&self.folder));
    }

    fn mount_again(&self) {
        done(Command::new("umount").arg(&self.folder));
        done(Command::new("sh").args(["-c", MOUNT, "sh"]).args([&self.image, &self.folder]));
    }
}

fn done(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

fn is_whole(data: &Path) -> bool {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = rusqlite::Connection::open_with_flags(data.join("carillon.db"), flags).unwrap();
    let said: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    said == "ok"
}
