//! A CMS file as a tree, to be changed and written again: for files that are wrong in one thing only, with
//! signatures that hold all the same.

use sha2::{Digest as _, Sha256};

use super::World;
use super::mint::{Key, tlv};

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub tag: u8,
    pub value: Vec<u8>,
    pub children: Vec<Node>,
}

impl Node {
    pub fn leaf(tag: u8, value: &[u8]) -> Self {
        Self { tag, value: value.to_vec(), children: Vec::new() }
    }

    /// All elements of `bytes`. Only for input that is whole.
    pub fn read_all(bytes: &[u8]) -> Vec<Self> {
        let mut rest = bytes;
        let mut nodes = Vec::new();
        while let [tag, first, ..] = *rest {
            let octets = if first < 0x80 { 0 } else { usize::from(first & 0x7F) };
            let length = match octets {
                0 => usize::from(first),
                _ => rest[2..2 + octets].iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)),
            };
            let value = &rest[2 + octets..2 + octets + length];
            nodes.push(if tag & 0x20 != 0 {
                Self { tag, value: Vec::new(), children: Self::read_all(value) }
            } else {
                Self::leaf(tag, value)
            });
            rest = &rest[2 + octets + length..];
        }
        nodes
    }

    pub fn read(bytes: &[u8]) -> Self {
        Self::read_all(bytes).remove(0)
    }

    pub fn write(&self) -> Vec<u8> {
        if self.tag & 0x20 == 0 {
            return tlv(self.tag, &self.value);
        }
        let inside: Vec<u8> = self.children.iter().flat_map(Self::write).collect();
        tlv(self.tag, &inside)
    }

    pub fn at(&mut self, path: &[usize]) -> &mut Self {
        path.iter().fold(self, |node, index| &mut node.children[*index])
    }

    pub fn count(&self) -> usize {
        1 + self.children.iter().map(Self::count).sum::<usize>()
    }

    /// The n-th node in the order of the file.
    pub fn nth(&mut self, mut n: usize) -> Option<&mut Self> {
        if n == 0 {
            return Some(self);
        }
        n -= 1;
        for child in &mut self.children {
            let size = child.count();
            if n < size {
                return child.nth(n);
            }
            n -= size;
        }
        None
    }
}

/// Paths from the top of a file.
pub const SIGNED_DATA: [usize; 2] = [1, 0];
pub const DIGEST_ALGORITHMS: [usize; 3] = [1, 0, 1];
pub const CONTENT: [usize; 5] = [1, 0, 2, 1, 0];
pub const CERTIFICATES: [usize; 3] = [1, 0, 3];
pub const SIGNERS: [usize; 3] = [1, 0, 4];
pub const SIGNER: [usize; 4] = [1, 0, 4, 0];
pub const ATTRIBUTES: [usize; 5] = [1, 0, 4, 0, 3];
pub const UNSIGNED: [usize; 5] = [1, 0, 4, 0, 6];
pub const COUNTERSIGNER: [usize; 8] = [1, 0, 4, 0, 6, 0, 1, 0];

/// Changes a request and signs it anew: the card, then the terminal, each over whatever attributes now stand
/// there, sorted or not. The digest in the countersignature follows the card's signature unless `change`
/// touched it.
pub fn resigned(world: &World, change: impl FnOnce(&mut Node)) -> Vec<u8> {
    resigned_by(world, &world.card, &world.terminal.key, change)
}

/// [`resigned`], by other keys.
pub fn resigned_by(world: &World, card: &Key, terminal: &Key, change: impl FnOnce(&mut Node)) -> Vec<u8> {
    let mut file = Node::read(world.request().der());
    let before = digest_of_countersignature(&mut file).clone();
    change(&mut file);
    let signature = sign(card, file.at(&ATTRIBUTES));
    file.at(&SIGNER).children[5].value = signature.clone();
    if file.at(&SIGNER).children.len() > 6 {
        let digest = digest_of_countersignature(&mut file);
        if *digest == before {
            *digest = Sha256::digest(&signature).to_vec();
        }
        countersign(terminal, &mut file);
    }
    file.write()
}

/// Signs the countersignature anew over the card's signature that stands in the file.
pub fn countersigned(world: &World, mut file: Node) -> Vec<u8> {
    let digest = Sha256::digest(&file.at(&SIGNER).children[5].value).to_vec();
    *digest_of_countersignature(&mut file) = digest;
    countersign(&world.terminal.key, &mut file);
    file.write()
}

fn countersign(terminal: &Key, file: &mut Node) {
    let countersigner = file.at(&COUNTERSIGNER);
    countersigner.children[5].value = sign(terminal, &countersigner.children[3]);
}

/// The signature over attributes as they stand in a file.
pub fn sign(key: &Key, attributes: &Node) -> Vec<u8> {
    let mut set = attributes.write();
    set[0] = 0x31;
    let signature = key.sign(&set);
    match key {
        // The lower `s`, which is the file's one form.
        Key::P256(_) => {
            let signature = p256::ecdsa::Signature::from_der(&signature).unwrap();
            signature.normalize_s().to_der().as_bytes().to_vec()
        }
        Key::Rsa(_) | Key::P384(_) => signature,
    }
}

fn digest_of_countersignature(file: &mut Node) -> &mut Vec<u8> {
    let attributes = &mut file.at(&COUNTERSIGNER).children[3];
    &mut attribute(attributes, "1.2.840.113549.1.9.4").value
}

/// The value of an attribute.
pub fn attribute<'n>(attributes: &'n mut Node, id: &str) -> &'n mut Node {
    let id = const_oid::ObjectIdentifier::new_unwrap(id);
    let found = attributes.children.iter_mut().find(|node| node.children[0].value == id.as_bytes());
    &mut found.expect("the attribute is there").children[1].children[0]
}
