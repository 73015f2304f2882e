//! The key file: what seals secrets in the data folder, readable by its owner alone.

use anyhow::{Context as _, bail};
use app::ports::Entropy;
use app::sealing::{DataKey, Sealer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Name of the file in the data folder.
const FILE: &str = "keys";

/// Reads the keys, or makes them at the first start. Where there is data already, new keys would open none of
/// it: then they must be there.
///
/// One line each: `lookup <key>`, and `data <id> <key>` of which the first seals and all open.
pub fn open(folder: &Path, is_data_there: bool, entropy: &dyn Entropy) -> anyhow::Result<Sealer> {
    let path = folder.join(FILE);
    if !path.exists() {
        if is_data_there {
            bail!("{} is missing: without it the data beside it can't be opened", path.display());
        }
        make(folder, &path, entropy)?;
    }
    let mode = fs::metadata(&path).context("reading the key file")?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} must be readable by its owner alone (chmod 600)", path.display());
    }
    parse(&fs::read_to_string(&path).context("reading the key file")?)
        .with_context(|| format!("{} is not a key file", path.display()))
}

/// Written beside and renamed, so that a crash leaves no half a file.
fn make(folder: &Path, path: &Path, entropy: &dyn Entropy) -> anyhow::Result<()> {
    let draft = folder.join("keys.new");
    let key = || {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    };
    let text = format!("lookup {}\ndata 1 {}\n", key(), key());
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft);
    let stored = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    stored.context("storing the key file")?;
    fs::rename(&draft, path).context("storing the key file")?;
    // The folder too, so that the name is there after a power cut.
    fs::File::open(folder)?.sync_all().context("storing the key file")
}

fn parse(text: &str) -> anyhow::Result<Sealer> {
    let mut lookup = None;
    let mut keys = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["lookup", key] => lookup = Some(bytes(key)?),
            ["data", id, key] => keys.push(DataKey { id: (*id).to_owned(), bytes: bytes(key)? }),
            _ => bail!("a line is neither `lookup <key>` nor `data <id> <key>`"),
        }
    }
    match lookup {
        Some(lookup) if !keys.is_empty() => Ok(Sealer::new(&lookup, keys)),
        _ => bail!("a `lookup` and a `data` line are needed"),
    }
}

fn bytes(text: &str) -> anyhow::Result<[u8; 32]> {
    let decoded = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    decoded.context("a key is not 32 bytes in base64url")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::InstanceId;
    use system::SystemEntropy;

    #[test]
    fn keys_are_made_once_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let id = InstanceId::from_bytes([0, 0, 0, 1]);
        let sealed = open(folder.path(), false, &SystemEntropy).unwrap().seal(id, "f", b"x").unwrap();
        let path = folder.path().join("keys");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(open(folder.path(), false, &SystemEntropy).unwrap().open(id, "f", &sealed).unwrap(), b"x");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(open(folder.path(), false, &SystemEntropy).is_err());
    }

    #[test]
    fn data_without_its_keys_is_not_given_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        assert!(open(folder.path(), true, &SystemEntropy).is_err());
        assert!(!folder.path().join("keys").exists());
    }
}
