use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::book::Book;
use crate::openapi::Document;
use crate::reply::{Manner, Reply};

/// Who asks more often in one case is in a storm, and hears nothing more.
pub const STORM: usize = 300;
const DRIP: Duration = Duration::from_millis(5);

/// A service that answers as it was recorded, but for one thing, different for each case that runs.
#[derive(Debug)]
pub struct Hostile {
    _runtime: Runtime,
    here: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    document: Document,
    scripts: Mutex<HashMap<usize, Arc<Script>>>,
    addresses: Mutex<Option<(SocketAddr, SocketAddr)>>,
}

/// What is answered in one case.
#[derive(Debug)]
pub(crate) struct Script {
    book: Arc<Book>,
    moment: AtomicUsize,
    changed: Option<Changed>,
    asked: AtomicUsize,
    was_changed: AtomicBool,
    unknown: Mutex<Vec<String>>,
    told_elsewhere: AtomicBool,
}

/// Which answer is changed, and what it is instead.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) operation: String,
    /// Only at this moment.
    pub(crate) moment: usize,
    pub(crate) reply: Reply,
}

/// A case that runs: where to ask, and what was asked.
#[derive(Debug)]
pub struct Address {
    /// The address of the service.
    pub url: String,
    number: usize,
    script: Arc<Script>,
    shared: Arc<Shared>,
}

impl Hostile {
    /// Listens.
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let shared = Arc::new(Shared {
            document: Document::checked_in(),
            scripts: Mutex::default(),
            addresses: Mutex::default(),
        });
        let listen = |is_elsewhere| {
            let tcp = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
            let address = tcp.local_addr().unwrap();
            runtime.spawn(accept(tcp, Arc::clone(&shared), is_elsewhere));
            address
        };
        let (here, elsewhere) = (listen(false), listen(true));
        *shared.addresses.lock().unwrap() = Some((here, elsewhere));
        Self { _runtime: runtime, here, shared }
    }

    /// Answers by `book`, changed as `changed` says, under an address of its own.
    pub(crate) fn answer(&self, book: &Arc<Book>, changed: Option<Changed>) -> Address {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let script = Arc::new(Script {
            book: Arc::clone(book),
            moment: AtomicUsize::new(book.pages.len() - 1),
            changed,
            asked: AtomicUsize::new(0),
            was_changed: AtomicBool::new(false),
            unknown: Mutex::default(),
            told_elsewhere: AtomicBool::new(false),
        });
        self.shared.scripts.lock().unwrap().insert(number, Arc::clone(&script));
        let (url, shared) = (format!("http://{}/{number}", self.here), Arc::clone(&self.shared));
        Address { url, number, script, shared }
    }

    /// Answers all by `book`.
    pub fn answer_honestly(&self, book: &Arc<Book>) -> Address {
        self.answer(book, None)
    }
}

impl Address {
    /// Answers as at the moment of this number from now on; at first it is the last one.
    pub fn at(&self, moment: usize) {
        self.script.moment.store(moment, Ordering::SeqCst);
    }

    /// How many requests there were.
    pub fn asked(&self) -> usize {
        self.script.asked.load(Ordering::SeqCst)
    }

    /// Whether the changed answer was asked for.
    pub fn was_changed(&self) -> bool {
        self.script.was_changed.load(Ordering::SeqCst)
    }

    /// Whether a token was sent to another host than the one it is for.
    pub fn told_elsewhere(&self) -> bool {
        self.script.told_elsewhere.load(Ordering::SeqCst)
    }

    /// What was asked for that is not recorded.
    pub fn unknown(&self) -> Vec<String> {
        self.script.unknown.lock().unwrap().clone()
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        self.shared.scripts.lock().unwrap().remove(&self.number);
    }
}

async fn accept(tcp: TcpListener, shared: Arc<Shared>, is_elsewhere: bool) {
    while let Ok((stream, _)) = tcp.accept().await {
        let shared = Arc::clone(&shared);
        // A client that has heard enough closes the connection, and that is no fault.
        tokio::spawn(async move { drop(serve(stream, &shared, is_elsewhere).await) });
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared, is_elsewhere: bool) -> io::Result<()> {
    let Some((method, target, has_token)) = read(&mut stream).await? else { return Ok(()) };
    let mut parts = target.splitn(3, '/').skip(1);
    let number = parts.next().and_then(|number| number.parse::<usize>().ok());
    let script = number.and_then(|number| shared.scripts.lock().unwrap().get(&number).cloned());
    // Of a case that is over.
    let Some((script, number)) = script.zip(number) else { return Ok(()) };
    if is_elsewhere && has_token {
        script.told_elsewhere.store(true, Ordering::SeqCst);
    }
    if script.asked.fetch_add(1, Ordering::SeqCst) >= STORM {
        return Ok(());
    }
    let target = format!("/{}", parts.next().unwrap_or_default());
    let reply = script.reply(shared, &method, &target, is_elsewhere);
    let addresses = shared.addresses.lock().unwrap().expect("it listens");
    let base = |address: SocketAddr| format!("http://{address}/{number}");
    let head = reply.head(&base(addresses.0), &base(addresses.1));
    write(stream, &reply, head).await
}

impl Script {
    fn reply(&self, shared: &Shared, method: &str, target: &str, is_elsewhere: bool) -> Reply {
        let moment = self.moment.load(Ordering::SeqCst);
        let path = target.split('?').next().unwrap_or_default();
        let operations = shared.document.operations();
        let operation = operations.iter().find(|operation| operation.takes(method, path));
        let name = operation.map(|operation| operation.name()).unwrap_or_default();
        let changed = self.changed.iter().find(|changed| {
            changed.operation == name
                && changed.moment == moment
                && !is_elsewhere
                // Who is sent on finds an honest answer there, unless sent on for ever.
                && !(self.was_changed.load(Ordering::SeqCst) && changed.sends_on())
        });
        if let Some(changed) = changed {
            self.was_changed.store(true, Ordering::SeqCst);
            return changed.reply.clone();
        }
        let request = format!("{method} {target}");
        match self.book.find(moment, &request) {
            Some(recorded) => recorded.reply(),
            None => {
                self.unknown.lock().unwrap().push(request);
                let refusal = self.book.refusal("GET /api/v1/epochs/{id}").reply();
                Reply { status: 404, ..refusal }
            }
        }
    }
}

impl Changed {
    fn sends_on(&self) -> bool {
        let location = self.reply.headers.iter().find(|(name, _)| name == "location");
        location.is_some_and(|(_, to)| !to.ends_with(b"?again"))
    }
}

/// Method and target of a request that was read to its end, and whether it has a token.
async fn read(stream: &mut TcpStream) -> io::Result<Option<(String, String, bool)>> {
    let mut request = Vec::new();
    let head = loop {
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break String::from_utf8_lossy(&request[..end]).to_lowercase();
        }
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(None);
        }
    };
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let length = field("content-length:").and_then(|length| length.trim().parse().ok());
    let whole = head.len() + 4 + length.unwrap_or(0);
    while request.len() < whole {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(None);
        }
    }
    let text = String::from_utf8_lossy(&request);
    let mut words = text.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default().to_owned();
    Ok(Some((method, target, field("authorization:").is_some())))
}

async fn write(mut stream: TcpStream, reply: &Reply, head: Vec<u8>) -> io::Result<()> {
    let body = &reply.body;
    match reply.manner {
        Manner::Whole | Manner::Misled(_) => {
            stream.write_all(&head).await?;
            stream.write_all(body).await?;
        }
        Manner::Until(length) => {
            let all = [head.as_slice(), body].concat();
            stream.write_all(&all[..length.min(all.len())]).await?;
        }
        Manner::Stuck => {
            stream.write_all(&head).await?;
            stream.write_all(&body[..body.len() / 2]).await?;
            until_closed(&mut stream).await?;
        }
        Manner::Silent => until_closed(&mut stream).await?,
        Manner::Dripping => {
            for byte in head.iter().chain(body.iter()) {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(DRIP).await;
            }
        }
        Manner::Chunked => {
            stream.write_all(&head).await?;
            let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat();
            stream.write_all(&chunk).await?;
            stream.write_all(b"fffffffffffffffffff\r\n").await?;
        }
    }
    stream.shutdown().await
}

async fn until_closed(stream: &mut TcpStream) -> io::Result<()> {
    while stream.read(&mut [0; 64]).await? > 0 {}
    Ok(())
}
