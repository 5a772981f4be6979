//! The table of all settings.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::load::{Gathered, read};
use super::value::{
    Bytes, ForwardedHeader, Level, LogFormat, Mode, Pairs, Server, Tls, Value, WhenFull,
};
use super::{Change, Fault, Setting};

/// Makes of the table the struct with the values, the list of lines, and what
/// leads from one to the other.
macro_rules! settings {
    ($($group:literal {
        $($name:ident: $type:ty = $default:literal, $change:ident, $help:literal;)+
    })+) => {
        /// The values of all settings.
        #[derive(Clone, Debug)]
        pub(crate) struct Settings {
            $($(#[doc = $help] pub(crate) $name: $type,)+)+
        }

        impl Settings {
            /// All settings, in the order in which they are shown.
            pub(crate) const TABLE: &'static [Setting] = &[
                $($(Setting {
                    name: stringify!($name),
                    group: $group,
                    help: $help,
                    default: $default,
                    change: Change::$change,
                    meta: <$type as Value>::META,
                    is_list: <$type as Value>::IS_LIST,
                    is_switch: <$type as Value>::IS_SWITCH,
                },)+)+
            ];

            /// Reads all texts; what is wrong with them is added to `faults`.
            pub(super) fn of(gathered: &Gathered, faults: &mut Vec<Fault>) -> Option<Self> {
                $($(let $name = read::<$type>(stringify!($name), gathered, faults);)+)+
                Some(Self {
                    $($($name: $name?,)+)+
                })
            }

            /// All values in the order of the table, as TOML has them.
            pub(super) fn show(&self) -> Vec<String> {
                vec![$($(self.$name.show(),)+)+]
            }
        }
    };
}

settings! {
    "Listening" {
        bind: Vec<String> = "127.0.0.1:8000", Reload,
            "Where to listen, any number of times: HOST:PORT, [v6]:PORT, unix:PATH, unix:@NAME, fd://N";
        backlog: NonZeroUsize = "2048", Restart,
            "How many connections the kernel holds until they are accepted";
        reuse_port: bool = "false", Reload,
            "Each worker has a socket of its own on the port, and the kernel deals connections out";
        bind_tries: NonZeroUsize = "5", Reload,
            "How often an address in use is tried, a second apart";
        umask: Option<Mode> = "", Reload,
            "Bits that files and Unix sockets do not get";
        unix_mode: Option<Mode> = "", Restart,
            "The permissions of Unix sockets, whatever the umask";
    }
    "Server" {
        server: Server = "pywsgi", Reload,
            "pywsgi streams, wsgi holds requests and answers in memory";
        workers: NonZeroUsize = "1", Reload,
            "How many processes serve; WEB_CONCURRENCY is its weaker name";
        hubs: NonZeroUsize = "1", Reload,
            "How many hubs, threads that run greenlets, a worker has; more than 1 needs the native engine";
        worker_connections: NonZeroUsize = "1000", Reload,
            "How many connections a worker serves at once; with wsgi, how many requests";
        max_connections: Option<NonZeroUsize> = "", Reload,
            "How many connections a worker has open at once, with wsgi";
        when_full: WhenFull = "wait", Reload,
            "While a worker serves as many as it may: clients wait, or refuse closes what they open";
        max_accept: Option<NonZeroUsize> = "", Reload,
            "How many connections are accepted in a row; 100 for one worker, else 1";
        accept_delay: Duration = "10ms", Reload,
            "The first pause after an error of accepting; it doubles from error to error";
        max_accept_delay: Duration = "1s", Reload,
            "The longest such pause";
        server_header: Option<String> = "", Reload,
            "The Server line of answers";
        environ: Pairs = "", Reload,
            "NAME=VALUE that the application finds in its environ";
    }
    "Processes" {
        timeout: Duration = "30s", Reload,
            "A worker whose hub does nothing but one thing for so long is aborted and replaced; 0 for never";
        graceful_timeout: Duration = "30s", Reload,
            "How long a worker may take to finish what runs when it is to end";
        quick_timeout: Duration = "2s", Reload,
            "How long workers may take that are to end quickly";
        max_boot_failures: NonZeroUsize = "8", Reload,
            "After so many workers in a row that fail to boot the master gives up";
        back_off: Duration = "100ms", Reload,
            "The first pause before a worker that died young is replaced; it doubles";
        max_back_off: Duration = "10s", Reload,
            "The longest such pause";
        max_requests: usize = "0", Reload,
            "A worker is replaced after so many requests; 0 for never";
        max_requests_jitter: usize = "0", Reload,
            "Up to so many more, by chance, that not all are replaced at once";
        pidfile: Option<PathBuf> = "", Restart,
            "A file for the master's process number";
        control_socket: Option<PathBuf> = "", Restart,
            "A Unix socket for `ctl`";
        user: Option<String> = "", Reload,
            "The user, by name or number, that workers run as";
        group: Option<String> = "", Reload,
            "The group, by name or number, that workers run as";
        chdir: Option<PathBuf> = "", Reload,
            "A folder that workers go to before they make the application";
        raw_env: Pairs = "", Reload,
            "NAME=VALUE in the environment of workers";
    }
    "Time-outs of connections" {
        keepalive: Duration = "5s", Reload,
            "How long a connection may wait for its next request; 0 for one request a connection";
        head_timeout: Duration = "10s", Reload,
            "How long a request's head may take";
        read_timeout: Duration = "30s", Reload,
            "How long a read of a body may wait for its next bytes";
        write_timeout: Duration = "30s", Reload,
            "How long a write may wait for a client that does not take its answer";
        discard_timeout: Duration = "1s", Reload,
            "How long reading on may take, where the application left a body unread";
        drain_timeout: Duration = "2s", Reload,
            "How long an idle connection may still send a request when its worker is to end";
        handshake_timeout: Duration = "10s", Reload,
            "How long a TLS handshake may take";
    }
    "Limits" {
        limit_request_line: Bytes = "8190", Reload,
            "The longest request line; beyond it 414";
        limit_request_fields: NonZeroUsize = "100", Reload,
            "The most header lines; beyond it 431";
        limit_request_field_size: Bytes = "8190", Reload,
            "The longest header line; beyond it 431";
        limit_request_head: Bytes = "65536", Reload,
            "The longest head; beyond it 431";
        limit_request_body: Option<Bytes> = "", Reload,
            "The longest body; beyond it 413. With wsgi 1M unless set";
        limit_chunk_extension: Bytes = "8190", Reload,
            "The most bytes of extensions of one chunk; beyond it 400";
        limit_trailer_field_size: Bytes = "8190", Reload,
            "The longest trailer line; beyond it 400";
        limit_trailer_fields: usize = "100", Reload,
            "The most trailer lines; beyond it 400";
        max_discard: Bytes = "262144", Reload,
            "How much of an unread body is read and dropped to keep the connection";
        max_queued: Bytes = "65536", Reload,
            "How many bytes of answers to pipelined requests are gathered";
        stream_buffer: Bytes = "458752", Reload,
            "How much of a streamed body is gathered while the application does not flush";
        max_handshakes: NonZeroUsize = "2048", Reload,
            "How many clients may be in the TLS handshake at once";
    }
    "TLS" {
        certfile: Option<PathBuf> = "", Reload,
            "The certificate and those up to the authority, as PEM; read again on a reload and on SIGUSR1";
        keyfile: Option<PathBuf> = "", Reload,
            "The private key, PKCS #8 as PEM; the certificate's file unless set";
        tls_min_version: Tls = "1.2", Reload,
            "The oldest version that clients may speak";
    }
    "Trust" {
        forwarded_allow_ips: Vec<String> = "127.0.0.1,::1", Reload,
            "Networks of proxies that may say whom they forward for; unix: for Unix sockets, * for everybody";
        forwarded_header: ForwardedHeader = "none", Reload,
            "Where they say it; choose the one that your proxy sets itself";
        proxy_protocol: bool = "false", Reload,
            "Connections of proxy_allow_ips begin with a header of the PROXY protocol, 1 or 2";
        proxy_allow_ips: Vec<String> = "127.0.0.1,::1", Reload,
            "Networks of proxies that speak the PROXY protocol; * for everybody";
    }
    "Logs" {
        accesslog: Option<String> = "", Reload,
            "The access log: a path, - for stdout, syslog or journald";
        access_log_format: String = r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#, Reload,
            "gunicorn's atoms, or json";
        errorlog: String = "-", Reload,
            "The error log: a path, - for stderr, syslog or journald";
        loglevel: Level = "info", Reload,
            "The least that it takes: off, error, warning, info, debug or trace";
        log_format: LogFormat = "text", Reload,
            "The form of its lines, text or json";
        syslog: String = "unix:", Reload,
            "Where syslog is: unix: or unix:PATH, udp://HOST:PORT, tcp://HOST:PORT";
        syslog_facility: String = "daemon", Reload,
            "The facility of syslog's lines";
        syslog_prefix: Option<String> = "", Reload,
            "The program's name in syslog and the journal; that of its file unless set";
    }
    "Figures" {
        metrics_bind: Option<String> = "", Reload,
            "A listener of its own that answers with Prometheus' text, summed over workers";
        statsd_host: Option<String> = "", Reload,
            "HOST:PORT or unix:PATH of a statsd that is told the figures of all workers";
        statsd_prefix: String = "maypole", Reload,
            "What their names begin with";
        statsd_period: Duration = "1s", Reload,
            "How often it is told";
        statsd_tags: bool = "false", Reload,
            "Labels of figures are sent as DogStatsD's tags";
    }
    "Runtime" {
        stack_size: Bytes = "256K", Reload,
            "The stack of a greenlet";
        time_slice: Duration = "1ms", Reload,
            "How long greenlets that are always ready run between two looks at I/O";
        threadpool_size: NonZeroUsize = "10", Reload,
            "How many threads the default thread pool has at most";
        track: bool = "false", Reload,
            "Tracks greenlets, for `ctl greenlets`";
        monitor: Duration = "0", Reload,
            "Reports greenlets that block their hub for longer; 0 for off";
    }
}

#[cfg(test)]
impl Settings {
    /// Those of the table.
    pub(crate) fn defaults() -> Self {
        let mut faults = Vec::new();
        Self::of(&super::load::defaults(), &mut faults).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::AccessLog;
    use crate::Limits;

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = Settings::TABLE.iter().map(|setting| setting.name).collect();
        assert_eq!(names.len(), Settings::TABLE.len());
    }

    #[test]
    fn defaults_are_those_of_the_servers() {
        let settings = Settings::defaults();
        let limits = Limits::DEFAULT;
        assert_eq!(settings.limit_request_line.0, limits.request_line);
        assert_eq!(settings.limit_request_fields.get(), limits.header_lines);
        assert_eq!(settings.limit_request_field_size.0, limits.header_line);
        assert_eq!(settings.limit_request_head.0, limits.head);
        assert_eq!(settings.limit_chunk_extension.0, limits.chunk_extension);
        assert_eq!(settings.limit_trailer_field_size.0, limits.trailer_line);
        assert_eq!(settings.limit_trailer_fields, limits.trailer_lines);
        let serving = crate::serving::Settings::default();
        assert_eq!(settings.keepalive, serving.keep_alive_timeout);
        assert_eq!(settings.head_timeout, serving.head_timeout);
        assert_eq!(settings.read_timeout, serving.read_timeout);
        assert_eq!(settings.write_timeout, serving.write_timeout);
        assert_eq!(settings.discard_timeout, serving.discard_timeout);
        assert_eq!(settings.max_discard.0, serving.max_discard);
        assert_eq!(settings.max_queued.0, serving.max_queued);
        assert_eq!(settings.stream_buffer.0, serving.stream_buffer);
        let (first, longest) = (settings.accept_delay, settings.max_accept_delay);
        assert_eq!((first.as_millis(), longest.as_secs()), (10, 1));
        assert_eq!(settings.access_log_format, AccessLog::GUNICORN);
    }
}
