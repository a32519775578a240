//! `openssl` as somebody who never heard of us would use it.

use std::path::Path;
use std::process::Command;

/// What `openssl cms -verify` printed, when it accepts `file` under `root`.
///
/// # Errors
/// What it said, when it refuses.
pub fn cms_verify(file: &Path, root: &Path) -> Result<Vec<u8>, String> {
    let output = Command::new("openssl")
        .args(["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any"])
        .arg("-in")
        .arg(file)
        .arg("-CAfile")
        .arg(root)
        .output()
        .expect("openssl runs");
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Writes the certificate of who signed `file` to `signer`, in PEM, when `openssl` accepts it under `root`.
///
/// # Errors
/// What it said, when it refuses.
pub fn cms_signer(file: &Path, root: &Path, signer: &Path) -> Result<(), String> {
    let output = Command::new("openssl")
        .args(["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-out", "/dev/null"])
        .arg("-in")
        .arg(file)
        .arg("-CAfile")
        .arg(root)
        .arg("-signer")
        .arg(signer)
        .output()
        .expect("openssl runs");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
