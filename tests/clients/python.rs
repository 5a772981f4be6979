//! Python's `http.client`.

use std::process::Command;

use crate::support::{has_command, watchdog};
use crate::{application, run, serve};

/// Runs a script that finds an open connection in `http`, its module's names
/// around it, and the server's port in `port`.
#[track_caller]
fn python(script: &str) {
    let _watchdog = watchdog();
    if !has_command("python3", "--version") {
        return;
    }
    let (server, _) = serve(application);
    let prelude = format!(
        "from http.client import *\n\
         import threading\n\
         port = {}\n\
         def connect(): return HTTPConnection('127.0.0.1', port, timeout=60)\n\
         http = connect()\n\
         def ask(method, path, body=None, headers={{}}, **rest):\n\
         \x20   http.request(method, path, body, headers, **rest)\n\
         \x20   response = http.getresponse()\n\
         \x20   return response.status, response.read(), response\n",
        server.local_addr().port()
    );
    let told =
        run(Command::new("python3").args(["-c", &format!("{prelude}{script}\nprint('done')")]));
    assert_eq!(told.trim_end(), "done");
}

#[test]
fn python_keeps_its_connection() {
    python(
        "http.connect()\n\
         first = http.sock\n\
         for n in range(50):\n\
         \x20   assert ask('GET', '/')[:2] == (200, b'<b>hello world</b>')\n\
         \x20   assert ask('HEAD', '/')[:2] == (200, b'')\n\
         \x20   assert ask('GET', '/unchanged')[:2] == (304, b'')\n\
         \x20   assert ask('GET', '/nowhere')[0] == 404\n\
         \x20   assert ask('GET', '/flushed')[:2] == (200, b'one two three')\n\
         assert http.sock is first",
    );
}

#[test]
fn python_sends_and_receives_much() {
    python(
        "data = bytes(range(256)) * 4096\n\
         pieces = [data[n:n + 5000] for n in range(0, len(data), 5000)]\n\
         http.connect()\n\
         first = http.sock\n\
         for path in ['/echo', '/mirror'] * 2:\n\
         \x20   assert ask('POST', path, data)[:2] == (200, data)\n\
         \x20   chunked = ask('POST', path, iter(pieces), {'Transfer-Encoding': 'chunked'}, encode_chunked=True)\n\
         \x20   assert chunked[:2] == (200, data)\n\
         status, body, response = ask('GET', '/stream')\n\
         assert response.getheader('Transfer-Encoding') == 'chunked'\n\
         assert body == b's' * (3 << 20)\n\
         assert http.sock is first",
    );
}

#[test]
fn python_closes_when_it_is_told_to() {
    python(
        "status, body, response = ask('GET', '/', headers={'Connection': 'close'})\n\
         assert (status, body, response.getheader('Connection')) == (200, b'<b>hello world</b>', 'close')\n\
         assert http.sock is None\n\
         status, body, response = ask('GET', '/failed')\n\
         assert (status, response.getheader('Connection')) == (500, 'close')\n\
         assert http.sock is None\n\
         assert ask('POST', '/unread', b'x' * 200_000)[:2] == (403, b'not wanted')\n\
         assert http.sock is not None\n\
         # So much is not read to its end, but the answer comes all the same.\n\
         try: http.request('POST', '/unread', b'x' * (8 << 20))\n\
         except (BrokenPipeError, ConnectionResetError): pass\n\
         assert http.getresponse().read() == b'not wanted'\n\
         http.close()\n\
         http._http_vsn, http._http_vsn_str = 10, 'HTTP/1.0'\n\
         status, body, response = ask('GET', '/stream')\n\
         assert (status, body) == (200, b's' * (3 << 20))\n\
         assert http.sock is None",
    );
}

#[test]
fn many_pythons_at_once() {
    python(
        "good = []\n\
         def visit():\n\
         \x20   http = connect()\n\
         \x20   for n in range(25):\n\
         \x20       http.request('POST', '/mirror', b'%d' % n * 1000)\n\
         \x20       assert http.getresponse().read() == b'%d' % n * 1000\n\
         \x20   good.append(1)\n\
         visitors = [threading.Thread(target=visit) for n in range(16)]\n\
         for visitor in visitors: visitor.start()\n\
         for visitor in visitors: visitor.join()\n\
         assert len(good) == 16",
    );
}
