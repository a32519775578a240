//! The functions that `pcscd` calls (its `ifdhandler.h`, version 3.0), for one reader with one slot.
#![expect(unsafe_code, reason = "pcscd calls functions of C and gives pointers")]

use std::ffi::{CStr, OsStr, c_char, c_long, c_uchar, c_ulong};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::reader::{Controlled, Reader};

type Dword = c_ulong;
type ResponseCode = c_long;

const SUCCESS: ResponseCode = 0;
const ERROR_TAG: ResponseCode = 600;
const ERROR_POWER_ACTION: ResponseCode = 608;
const COMMUNICATION_ERROR: ResponseCode = 612;
const NOT_SUPPORTED: ResponseCode = 614;
const ICC_PRESENT: ResponseCode = 615;
const ICC_NOT_PRESENT: ResponseCode = 616;
const NO_SUCH_DEVICE: ResponseCode = 617;
const INSUFFICIENT_BUFFER: ResponseCode = 618;

const TAG_ATR: Dword = 0x0303;
const TAG_THREAD_SAFE: Dword = 0x0FAD;
const TAG_SLOTS: Dword = 0x0FAE;
const TAG_READERS: Dword = 0x0FAF;

const POWER_UP: Dword = 500;
const POWER_DOWN: Dword = 501;
const RESET: Dword = 502;
const ATR_BYTES_MAX: usize = 33;

/// SCARD_IO_HEADER.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct IoHeader {
    protocol: Dword,
    length: Dword,
}

static READER: Mutex<Option<Arc<Reader>>> = Mutex::new(None);

fn with(act: impl FnOnce(&Reader) -> ResponseCode) -> ResponseCode {
    // Not held while anything waits.
    let reader = READER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(reader) = reader else { return NO_SUCH_DEVICE };
    guarded(|| act(&reader))
}

/// A panic must not go through functions of C.
fn guarded(act: impl FnOnce() -> ResponseCode) -> ResponseCode {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or(COMMUNICATION_ERROR)
}

/// Writes an answer to where the caller has room for `room` bytes; the length, or `None` when it does not fit.
///
/// # Safety
/// `into` is valid for writes of `room` bytes, or `room` is 0.
unsafe fn answer(bytes: &[u8], into: *mut c_uchar, room: Dword) -> Option<Dword> {
    let length = Dword::try_from(bytes.len()).ok().filter(|length| *length <= room)?;
    if !bytes.is_empty() {
        // SAFETY: the caller has room for `room` bytes at `into`, which is at least this many; a fresh answer of ours does not
        // overlap it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), into, bytes.len()) };
    }
    Some(length)
}

/// # Safety
/// `from` is valid for reads of `length` bytes, or `length` is 0.
unsafe fn given<'a>(from: *const c_uchar, length: Dword) -> &'a [u8] {
    match usize::try_from(length) {
        Ok(length) if length > 0 && !from.is_null() => {
            // SAFETY: pcscd gives a buffer of its own of this length, which it does not touch during the call.
            unsafe { std::slice::from_raw_parts(from, length) }
        }
        _ => &[],
    }
}

/// # Safety
/// `name` is a string of C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn IFDHCreateChannelByName(_lun: Dword, name: *const c_char) -> ResponseCode {
    // SAFETY: pcscd gives DEVICENAME of its configuration, a string of C that lives through the call.
    let name = unsafe { CStr::from_ptr(name) };
    guarded(|| match Reader::open(Path::new(OsStr::from_bytes(name.to_bytes()))) {
        Ok(reader) => {
            *READER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(reader));
            SUCCESS
        }
        Err(_) => NO_SUCH_DEVICE,
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn IFDHCreateChannel(_lun: Dword, _channel: Dword) -> ResponseCode {
    NO_SUCH_DEVICE
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn IFDHCloseChannel(_lun: Dword) -> ResponseCode {
    *READER.lock().unwrap_or_else(PoisonError::into_inner) = None;
    SUCCESS
}

/// # Safety
/// `length` points to the room at `value`, in bytes.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn IFDHGetCapabilities(
    _lun: Dword,
    tag: Dword,
    length: *mut Dword,
    value: *mut c_uchar,
) -> ResponseCode {
    with(|reader| {
        let found = match tag {
            TAG_ATR => reader.atr().unwrap_or_default(),
            TAG_SLOTS | TAG_READERS => vec![1],
            TAG_THREAD_SAFE => vec![0],
            _ => return ERROR_TAG,
        };
        // SAFETY: pcscd gives a length, and room for so many bytes.
        match unsafe { answer(&found, value, *length) } {
            Some(written) => {
                // SAFETY: as above.
                unsafe { *length = written };
                SUCCESS
            }
            None => INSUFFICIENT_BUFFER,
        }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn IFDHSetCapabilities(
    _lun: Dword,
    _tag: Dword,
    _length: Dword,
    _value: *const c_uchar,
) -> ResponseCode {
    ERROR_TAG
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn IFDHSetProtocolParameters(
    _lun: Dword,
    _protocol: Dword,
    _flags: c_uchar,
    _pts1: c_uchar,
    _pts2: c_uchar,
    _pts3: c_uchar,
) -> ResponseCode {
    SUCCESS
}

/// # Safety
/// `atr` has room for 33 bytes, `length` points to a length.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn IFDHPowerICC(
    _lun: Dword,
    action: Dword,
    atr: *mut c_uchar,
    length: *mut Dword,
) -> ResponseCode {
    with(|reader| {
        match action {
            POWER_UP => reader.power(true),
            POWER_DOWN => reader.power(false),
            RESET => reader.reset(),
            _ => return NOT_SUPPORTED,
        }
        // SAFETY: pcscd gives a length of its own.
        unsafe { *length = 0 };
        if action == POWER_DOWN {
            return SUCCESS;
        }
        let Some(found) = reader.atr() else { return ERROR_POWER_ACTION };
        // SAFETY: pcscd gives room for the longest ATR.
        match unsafe { answer(&found, atr, ATR_BYTES_MAX as Dword) } {
            Some(written) => {
                // SAFETY: as above.
                unsafe { *length = written };
                SUCCESS
            }
            None => ERROR_POWER_ACTION,
        }
    })
}

/// # Safety
/// `tx` is valid for `tx_length` bytes, `rx` for as many as `rx_length` points to, `header` to a header.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn IFDHTransmitToICC(
    _lun: Dword,
    send: IoHeader,
    tx: *const c_uchar,
    tx_length: Dword,
    rx: *mut c_uchar,
    rx_length: *mut Dword,
    header: *mut IoHeader,
) -> ResponseCode {
    with(|reader| {
        // SAFETY: pcscd gives the client's command, and room for the answer with its length.
        let (command, room) = unsafe { (given(tx, tx_length), *rx_length) };
        // SAFETY: as above.
        unsafe { *rx_length = 0 };
        let Some(answered) = reader.transmit(command) else { return COMMUNICATION_ERROR };
        // SAFETY: as above.
        match unsafe { answer(&answered, rx, room) } {
            Some(written) => {
                // SAFETY: as above; the header is pcscd's own.
                unsafe {
                    *rx_length = written;
                    if !header.is_null() {
                        *header = send;
                    }
                }
                SUCCESS
            }
            None => INSUFFICIENT_BUFFER,
        }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn IFDHICCPresence(_lun: Dword) -> ResponseCode {
    with(|reader| if reader.is_inserted() { ICC_PRESENT } else { ICC_NOT_PRESENT })
}

/// # Safety
/// `tx` is valid for `tx_length` bytes, `rx` for `rx_length`, `returned` points to a length.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn IFDHControl(
    _lun: Dword,
    code: Dword,
    tx: *const c_uchar,
    tx_length: Dword,
    rx: *mut c_uchar,
    rx_length: Dword,
    returned: *mut Dword,
) -> ResponseCode {
    // SAFETY: pcscd gives a length of its own.
    unsafe { *returned = 0 };
    with(|reader| {
        // SAFETY: pcscd gives the client's data.
        let data = unsafe { given(tx, tx_length) };
        match reader.control(code, data) {
            Controlled::NotSupported => NOT_SUPPORTED,
            Controlled::NoCard => COMMUNICATION_ERROR,
            // SAFETY: pcscd gives room for `rx_length` bytes.
            Controlled::Answer(bytes) => match unsafe { answer(&bytes, rx, rx_length) } {
                Some(written) => {
                    // SAFETY: as above.
                    unsafe { *returned = written };
                    SUCCESS
                }
                None => INSUFFICIENT_BUFFER,
            },
        }
    })
}
