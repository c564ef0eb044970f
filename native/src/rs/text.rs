//! Byte strings without rows: tables of templates, and whatever has no structure to use.

use crate::rs::arith::{hash, hash3, Coder, Decoder, Encoder};
use crate::rs::nibbles::Nibbles;

const N: usize = 9;

/// What the model has seen before the first byte: words and turns that logs are made of.
const PRIMER: &[u8] = b"\
 = true, false, null, none, unknown, default, enabled, disabled, value: name= id= type= status= state= code= count=\
 size= bytes= time= date= user= uid= pid= host= addr= port= path= url= method= version= level= msg=\"\", \"\": \"\
 INFO  DEBUG  WARN  ERROR  FATAL  TRACE [main]  [] - : () [ ] ( ) { } ## ||  => -> == ... \t\tat  (.java:)\n\
Connection from  port  closed by  refused timed out reset by peer: established, received  sent  packet from  to \
 with session opened for user  by (uid=) session closed for user authentication failure; logname= Failed password for \
invalid user Accepted password for  ssh2\nstarted starting stopping stopped shutdown finished completed successfully \
in  ms seconds. failed to  error while  Exception: java.lang.NullPointerException java.io.IOException at org.apache.\
 Cannot open file  not found: No such file or directory (errno = ) Permission denied Invalid argument, retrying in  \
attempt  of  waiting for  response request  from client server service  process  thread  task  job  block  of size  \
 memory used: total: free: available: cache buffer queue max min  limit exceeded  expired  loaded loading  register \
registered  unregistered  update updated  create created  delete deleted removing added to  set get  read write  \
node  leader election  snapshot  region  table  column  database  query  transaction  commit  rollback  index  \
 interface  device  driver  kernel: CPU  BIOS  ACPI: PCI  USB  IRQ  eth0: link up  down  address  0x  HTTP/1.1\" 200 \
GET / POST  Mozilla/5.0 config configuration  initialized  Initializing  registering  onReceive action: \
calculate  result  report  screen  message  notification  broadcast  handler  manager  listener  executor  \n";

struct Text {
    bytes: Nibbles<N, 0, 24>,
    seen: Vec<u8>,
    /// Where the last five bytes were before, plus one.
    index: Vec<u32>,
    matched: usize,
    run: u32,
    word: u32,
    last_word: u32,
    last: u64,
}

/// Codes nothing, so that the model learns.
struct Pupil;

impl Coder for Pupil {
    const DECODES: bool = false;
    fn code(&mut self, bit: u32, _: u32) -> u32 {
        bit
    }
    fn overran(&self) -> bool {
        false
    }
    fn spent(&self) -> u32 {
        0
    }
}

impl Text {
    /// A model that has read the primer.
    fn primed(length: usize) -> Text {
        let mut text = Text::new(length.saturating_add(PRIMER.len()));
        PRIMER.iter().for_each(|&b| {
            text.byte(&mut Pupil, b);
        });
        text
    }

    fn new(length: usize) -> Text {
        let log2 = (usize::BITS - length.leading_zeros() + 1).clamp(12, 20);
        Text {
            bytes: Nibbles::new(log2, [17 * 4, 256], 6),
            seen: Vec::new(),
            index: vec![0; 1 << log2.min(18)],
            matched: 0,
            run: 0,
            word: 0,
            last_word: 0,
            last: 0,
        }
    }

    fn byte<C: Coder>(&mut self, coder: &mut C, wanted: u8) -> u8 {
        let expected = match self.matched {
            0 => 0x100,
            at => u32::from(self.seen[at]),
        };
        let sure = self.run.min(15);
        let (low, high) = (self.last as u32, (self.last >> 32) as u32);
        let contexts = [
            0,
            hash(1, low & 0xff),
            hash(2, low & 0xffff),
            hash(3, low & 0xff_ffff),
            hash(4, low),
            hash3(5, low, high & 0xffff),
            hash3(6, self.word, low & 0xff),
            hash3(7, self.word, self.last_word),
            hash3(8, expected, sure),
        ];
        let first = if expected == 0x100 { 0 } else { 1 + (sure as usize).div_ceil(8) };
        let guess = u8::try_from(expected).ok();
        let b = self.bytes.byte(coder, wanted, guess, &contexts, &[], [first, low as usize & 255]);
        self.take(b, expected);
        b
    }

    fn take(&mut self, b: u8, expected: u32) {
        self.seen.push(b);
        self.last = self.last << 8 | u64::from(b);
        if b.is_ascii_alphanumeric() || b >= 128 {
            self.word = hash(self.word, u32::from(b));
        } else if self.word != 0 {
            self.last_word = self.word;
            self.word = 0;
        }
        let context = hash(self.last as u32, (self.last >> 32) as u32 & 0xff);
        let at = context as usize & (self.index.len() - 1);
        if expected == u32::from(b) {
            self.matched += 1;
            self.run += 1;
        } else {
            self.matched = 0;
            self.run = 0;
        }
        if self.matched == 0 && self.seen.len() >= 5 {
            self.matched = self.index[at] as usize;
        }
        self.index[at] = self.seen.len() as u32;
    }
}

/// Codes bytes; `decode` has to be told how many.
pub fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut coder = Encoder::default();
    let mut text = Text::primed(bytes.len());
    for &b in bytes {
        text.byte(&mut coder, b);
    }
    coder.finish()
}

pub fn decode(payload: &[u8], length: usize) -> Result<Vec<u8>, String> {
    if length >= u32::MAX as usize {
        return Err(format!("{length} bytes of text, at most 4 GiB"));
    }
    let mut coder = Decoder::new(payload);
    let mut text = Text::primed(length);
    let end = PRIMER.len() + length;
    while text.seen.len() < end && !coder.overran() {
        text.byte(&mut coder, 0);
    }
    if !coder.at_end() {
        return Err("the coded text ends too early or goes on too long".into());
    }
    Ok(text.seen.split_off(PRIMER.len()))
}
