#!/usr/bin/env python3
# mypy: ignore-errors
"""fd_audit: prove from OUTSIDE that a program opens every descriptor once and closes it once.

The command is run under strace (it needs strace >= 5.x; nothing inside the program takes
part, so the program cannot be tuned to the check).  Every syscall that makes, uses or drops a
descriptor is replayed into a model of each process's descriptor table (threads share one,
fork copies it, exec drops the close-on-exec ones).  Reported for each run:

  double_close      close() of a number that is not open (EBADF), or a second close() of a
                    number whose first close() had already been issued (also the "retry
                    close after EINTR/EIO" mistake)
  use_after_close   any other syscall that answers EBADF, or poll's POLLNVAL
  leak_at_exit      opened by this process and never closed by it before exit
  overwritten       dup2/dup3 dropped a tracked descriptor silently
  exec_inherit      a tracked descriptor without close-on-exec went through exec
  fork_use          a child used (other than close) a descriptor that it only inherited
  fork_left_open    (warning) a forked child that never exec'd exited with them still open
  stale_close       (warning; error with --strict) thread B closed a number that thread A had
                    opened, after B had already closed that same number: "fd number reused"
  nothing_opened    --require KIND=N was not met (so a mock cannot pass for the real thing)

A number that was closed is soon given out again, so a second close usually hits an innocent
descriptor and answers 0.  --quarantine loads a small LD_PRELOAD shim (needs cc) that moves
every new socket/eventfd/epoll/pipe/timerfd to a number never used before; then every double
close or use after close answers EBADF: the Linux twin of Application Verifier's handle check.

Usage
  fd_audit.py [options] -- CMD ARG...
  fd_audit.py --self-test            prove the checker on broken and on correct programs

  --quarantine           as above
  --kinds LIST           kinds whose leaks count (default: all but file);
                         socket epoll event pipe timer signal memfd pidfd inotify file other
  --require KIND=N       at least N of KIND must be opened (repeatable), e.g. socket=1
  --ignore REGEX         drop findings and records whose opening line matches (repeatable)
  --only REGEX           leaks/fork/exec findings only for openings that match
  --foreign REGEX        no findings in processes that run a program whose path matches
  --skip CATEGORY        never count that category (repeatable)
  --strict               warnings count as errors
  --timeout S            per run (default 120); a run that is cut off is a finding
  --sigint-after S       send SIGINT to the program S seconds after its start (repeatable)
  --expect-rc LIST       exit codes that are fine (default: any, but the code is shown)
  --inject SPEC          raw strace injection, e.g. bind:error=EADDRINUSE:when=1 (repeatable)
  --sweep LIST           kill-point sweep: for every syscall NAME[:ERRNO] in LIST run once
                         plain, count its calls (the highest count of any thread: strace
                         counts 'when' per thread), then run again with call 1..N failing
  --sigint-sweep LIST    the same, but SIGINT is delivered at call 1..N (the window between
                         opening and registering a descriptor)
  --fd-sweep LIST        the better sweep for threads: libc calls NAME[:ERRNO] counted over the whole
                         process and only on tracked descriptors (shim, implies --quarantine);
                         goes on until a point is not reached; a failing close has closed
  --fd-sigint-sweep LIST the same with SIGINT sent to the process at that point
  --from-first KIND      --sweep: skip calls made before the first KIND was opened (socket)
  --max-points N         cap per syscall (default 40; the points are spread evenly)
  --json FILE            full report   --keep DIR  keep the traces   -v  list every descriptor

Exit status: 0 clean, 1 findings, 2 usage or no strace.
A close() that was made to fail by injection counts as a close, as on Linux the number is
gone whatever close() answers; calling it again is a double_close.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass, field

# ---------------------------------------------------------------- what is traced
OPEN1 = {
    "socket": "socket",
    "accept": "socket",
    "accept4": "socket",
    "open": "file",
    "openat": "file",
    "openat2": "file",
    "creat": "file",
    "eventfd": "event",
    "eventfd2": "event",
    "epoll_create": "epoll",
    "epoll_create1": "epoll",
    "timerfd_create": "timer",
    "signalfd": "signal",
    "signalfd4": "signal",
    "inotify_init": "inotify",
    "inotify_init1": "inotify",
    "memfd_create": "memfd",
    "pidfd_open": "pidfd",
    "pidfd_getfd": "other",
    "perf_event_open": "other",
    "bpf": "other",
    "io_uring_setup": "other",
    "userfaultfd": "other",
    "fanotify_init": "other",
    "memfd_secret": "memfd",
}
OPENN = {"pipe": "pipe", "pipe2": "pipe", "socketpair": "socket"}
USERS = """read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek ftruncate
fstat newfstatat fstatfs fsync fdatasync ioctl fcntl flock getdents64 fchmod fchown sendfile splice
tee vmsplice copy_file_range fallocate poll ppoll select pselect6 epoll_ctl epoll_wait epoll_pwait
epoll_pwait2 timerfd_settime timerfd_gettime bind connect listen getsockname getpeername sendto
recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown setsockopt getsockopt inotify_add_watch
inotify_rm_watch setns io_uring_enter io_uring_register""".split()
CLOSERS = ["close", "close_range", "dup", "dup2", "dup3"]
PROC = ["clone", "clone3", "fork", "vfork", "execve", "execveat", "exit", "exit_group"]
TRACE = ",".join("?" + s for s in [*OPEN1, *OPENN, *USERS, *CLOSERS, *PROC])
NO_FD_ARG = set(OPEN1) | set(OPENN) | set(PROC) | {"close_range", "poll", "ppoll", "select", "pselect6"}
NO_FD_ARG -= {"accept", "accept4", "signalfd", "signalfd4", "pidfd_getfd"}
ERRNO = {
    "socket": "EMFILE",
    "socketpair": "EMFILE",
    "bind": "EADDRNOTAVAIL",
    "connect": "ENETUNREACH",
    "setsockopt": "ENOPROTOOPT",
    "getsockopt": "ENOPROTOOPT",
    "getsockname": "ENOBUFS",
    "sendto": "ENOBUFS",
    "sendmsg": "ENOBUFS",
    "sendmmsg": "ENOBUFS",
    "recvmsg": "ENOMEM",
    "recvfrom": "ENOMEM",
    "recvmmsg": "ENOMEM",
    "epoll_create1": "EMFILE",
    "epoll_ctl": "ENOSPC",
    "epoll_wait": "EBADMSG",
    "poll": "ENOMEM",
    "eventfd2": "EMFILE",
    "pipe2": "EMFILE",
    "ioctl": "ENOTTY",
    "fcntl": "EINVAL",
    "close": "EINTR",
    "clone3": "EAGAIN",
    "clone": "EAGAIN",
    "timerfd_create": "EMFILE",
    "execve": "ENOENT",
    "write": "EIO",
    "read": "EIO",
    "dup": "EMFILE",
}
ERROR_CATS = [
    "double_close",
    "use_after_close",
    "leak_at_exit",
    "overwritten",
    "exec_inherit",
    "fork_use",
    "nothing_opened",
    "timeout",
    "bad_exit",
]
WARN_CATS = ["fork_left_open", "stale_close"]
QBASE = 300

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
static _Atomic int next_no = QBASE;
/* FD_AUDIT_FAULT=NAME:ERRNO_OR_-SIGNAL:WHEN:MARKER[:SITE]  the WHEN-th call of NAME, process-wide, on a
   quarantined descriptor (or a call that makes one) fails, or gets a signal sent to the process. With SITE
   (hexadecimal) only calls from that call site count. FD_AUDIT_FAULT=list:0:0:FILE writes every such call and
   its site to FILE instead. A program that forks itself per point (sweep.py) calls fd_audit_arm() in the child.
   A site is the stack of Python where this Python can say it (_Py_DumpTraceback, exported up to 3.12; it needs no
   interpreter lock), else the descriptor's number, which is its order of opening, with the call's arguments. */
static char f_name[32], f_mark[256], f_text[16384]; static int f_err, f_list=-1, f_scratch=-1; static long f_when;
static unsigned long f_site; static _Atomic long f_seen; static atomic_flag f_busy=ATOMIC_FLAG_INIT;
static __thread int f_inside;
static void*(*f_state)(void); static void(*f_dump)(int,void*);
static unsigned long site(const char*name,int fd,long extra,long*length){
  unsigned long h=1469598103934665603UL; long n=0; void*state=f_dump&&f_state?f_state():0;
  if(state && f_scratch>=0){
    syscall(SYS_ftruncate,f_scratch,0); syscall(SYS_lseek,f_scratch,0,0);
    f_inside=1; f_dump(f_scratch,state); f_inside=0;
    n=syscall(SYS_pread64,f_scratch,f_text,sizeof f_text-1,0); if(n<0) n=0; }
  if(!n){ long v[2]={fd==1000000?atomic_load(&next_no):fd,extra}; memcpy(f_text,v,sizeof v); n=sizeof v; *length=0; } else *length=n;
  for(long i=0;i<n;i++){ h^=(unsigned char)f_text[i]; h*=1099511628211UL; }
  for(;*name;name++){ h^=(unsigned char)*name; h*=1099511628211UL; }
  return h; }
static void note(const char*name,unsigned long h,int fd,long n){
  char b[640]; int at=0, frames=0; unsigned long v=h;
  for(const char*c=name;*c;c++) b[at++]=*c;
  b[at++]=' '; for(int i=60;i>=0;i-=4) b[at++]="0123456789abcdef"[(v>>i)&15];
  b[at++]=' ';
  for(long i=0;i<n && frames<7 && at<600;i++){ if(f_text[i]=='\n'){ b[at++]='|'; frames++; } else b[at++]=f_text[i]; }
  if(!n){ b[at++]='f'; b[at++]='d'; b[at++]=' '; char d[12]; int k=0; do{ d[k++]='0'+fd%10; fd/=10; }while(fd&&k<11); while(k) b[at++]=d[--k]; }
  b[at++]='\n'; syscall(SYS_write,f_list,b,at); }
static int fault_at(const char*name,int fd,long extra){
  if(f_inside || fd<QBASE || (!f_when && f_list<0)) return 0;
  if(f_list<0 && strcmp(name,f_name)) return 0;
  int e=errno;
  if(f_list>=0 || f_site){
    long n=0; while(atomic_flag_test_and_set(&f_busy)); unsigned long h=site(name,fd,extra,&n);
    if(f_list>=0) note(name,h,fd,n);
    atomic_flag_clear(&f_busy); errno=e;
    if(f_list>=0 || h!=f_site) return 0; }
  if(atomic_fetch_add(&f_seen,1)+1!=f_when) return 0;
  int m=syscall(SYS_openat,AT_FDCWD,f_mark,O_CREAT|O_WRONLY|O_CLOEXEC,0666); if(m>=0) syscall(SYS_close,m); errno=e;
  if(f_err<0){ syscall(SYS_kill,getpid(),-f_err); return 0; }
  errno=f_err; return 1; }
static int fault(const char*name,int fd){ return fault_at(name,fd,0); }
void fd_audit_arm(const char*v){
  char b[400]; f_when=0; f_site=0; atomic_store(&f_seen,0); if(!v || strlen(v)>=sizeof b) return;
  strcpy(b,v); char*q=b,*n=strsep(&q,":"),*e=strsep(&q,":"),*w=strsep(&q,":"),*m=strsep(&q,":");
  if(!n||!e||!w||!m) return;
  strncpy(f_name,n,31); f_err=atoi(e); strncpy(f_mark,m,255); f_site=q?strtoul(q,0,16):0;
  int list=!strcmp(n,"list");
  if(list || f_site){
    if(!f_dump){ f_state=dlsym(RTLD_DEFAULT,"PyGILState_GetThisThreadState"); f_dump=dlsym(RTLD_DEFAULT,"_Py_DumpTraceback"); }
    char t[300]; strcpy(t,f_mark); strcat(t,".stack");
    int s=syscall(SYS_openat,AT_FDCWD,t,O_CREAT|O_RDWR|O_CLOEXEC,0600);
    f_scratch=syscall(SYS_fcntl,s,F_DUPFD_CLOEXEC,220); syscall(SYS_close,s); syscall(SYS_unlink,t); }
  if(list){ int s=syscall(SYS_openat,AT_FDCWD,f_mark,O_CREAT|O_WRONLY|O_APPEND|O_CLOEXEC,0666);
    f_list=syscall(SYS_fcntl,s,F_DUPFD_CLOEXEC,220); syscall(SYS_close,s); }
  else f_when=atol(w); }
__attribute__((constructor)) static void init(void){
  fd_audit_arm(getenv("FD_AUDIT_FAULT"));
  struct rlimit r; if(!getrlimit(RLIMIT_NOFILE,&r)){ r.rlim_cur=r.rlim_max; setrlimit(RLIMIT_NOFILE,&r);} }
static int mv(int fd){
  if(fd<0) return fd;
  int e=errno, fl=syscall(SYS_fcntl,fd,F_GETFD);
  int want=atomic_fetch_add(&next_no,1);
  int n=syscall(SYS_fcntl,fd,(fl&FD_CLOEXEC)?F_DUPFD_CLOEXEC:F_DUPFD,want);
  if(n<0){ errno=e; return fd; }
  int seen=atomic_load(&next_no);
  while(seen<=n && !atomic_compare_exchange_weak(&next_no,&seen,n+1));
  syscall(SYS_close,fd); errno=e; return n; }
#define NEW 1000000
#define W1(name,T1) int name(T1 a){ static int(*f)(T1); if(!f) f=dlsym(RTLD_NEXT,#name); if(fault(#name,NEW)) return -1; return mv(f(a)); }
#define W2(name,T1,T2) int name(T1 a,T2 b){ static int(*f)(T1,T2); if(!f) f=dlsym(RTLD_NEXT,#name); if(fault(#name,NEW)) return -1; return mv(f(a,b)); }
#define U(ret,name,params,call) ret name params { static ret(*f) params; if(!f) f=dlsym(RTLD_NEXT,#name); if(fault(#name,fd)) return -1; return f call; }
#define UX(ret,name,params,call,extra) ret name params { static ret(*f) params; if(!f) f=dlsym(RTLD_NEXT,#name); if(fault_at(#name,fd,extra)) return -1; return f call; }
U(int,bind,(int fd,const struct sockaddr*a,socklen_t l),(fd,a,l))
U(int,connect,(int fd,const struct sockaddr*a,socklen_t l),(fd,a,l))
U(int,listen,(int fd,int n),(fd,n))
U(int,getsockname,(int fd,struct sockaddr*a,socklen_t*l),(fd,a,l))
UX(int,setsockopt,(int fd,int a,int b,const void*c,socklen_t d),(fd,a,b,c,d),a*65536L+b)
UX(int,getsockopt,(int fd,int a,int b,void*c,socklen_t*d),(fd,a,b,c,d),a*65536L+b)
U(ssize_t,send,(int fd,const void*b,size_t n,int g),(fd,b,n,g))
U(ssize_t,sendto,(int fd,const void*b,size_t n,int g,const struct sockaddr*a,socklen_t l),(fd,b,n,g,a,l))
U(ssize_t,sendmsg,(int fd,const struct msghdr*m,int g),(fd,m,g))
U(int,sendmmsg,(int fd,struct mmsghdr*m,unsigned n,int g),(fd,m,n,g))
U(ssize_t,recv,(int fd,void*b,size_t n,int g),(fd,b,n,g))
U(ssize_t,recvfrom,(int fd,void*b,size_t n,int g,struct sockaddr*a,socklen_t*l),(fd,b,n,g,a,l))
UX(ssize_t,recvmsg,(int fd,struct msghdr*m,int g),(fd,m,g),g)
UX(int,recvmmsg,(int fd,struct mmsghdr*m,unsigned n,int g,struct timespec*t),(fd,m,n,g,t),g)
U(ssize_t,read,(int fd,void*b,size_t n),(fd,b,n))
U(ssize_t,write,(int fd,const void*b,size_t n),(fd,b,n))
U(int,epoll_ctl,(int fd,int o,int x,struct epoll_event*e),(fd,o,x,e))
U(int,epoll_wait,(int fd,struct epoll_event*e,int n,int t),(fd,e,n,t))
int poll(struct pollfd*p,nfds_t n,int t){ static int(*f)(struct pollfd*,nfds_t,int); if(!f) f=dlsym(RTLD_NEXT,"poll"); int most=0; for(nfds_t i=0;i<n;i++) if(p[i].fd>most) most=p[i].fd; if(fault_at("poll",most,n*65536L+(n?p[0].events:0))) return -1; return f(p,n,t); }
int ioctl(int fd,unsigned long r,...){ va_list v; va_start(v,r); void*a=va_arg(v,void*); va_end(v); if(fault_at("ioctl",fd,r)) return -1; return syscall(SYS_ioctl,fd,r,a); }
/* a close that "fails" has closed all the same, as on Linux */
int close(int fd){ int bad=fault("close",fd), e=errno, r=syscall(SYS_close,fd); if(bad&&!r){ errno=e; return -1; } return r; }
W1(epoll_create,int) W1(epoll_create1,int) W1(dup,int)
W2(eventfd,unsigned,int) W2(timerfd_create,int,int)
int socket(int a,int b,int c){ static int(*f)(int,int,int); if(!f) f=dlsym(RTLD_NEXT,"socket"); if(fault_at("socket",NEW,a*65536L+b*256+c)) return -1; return mv(f(a,b,c)); }
int accept(int a,struct sockaddr*b,socklen_t*c){ static int(*f)(int,struct sockaddr*,socklen_t*); if(!f) f=dlsym(RTLD_NEXT,"accept"); if(fault("accept",NEW)) return -1; return mv(f(a,b,c)); }
int accept4(int a,struct sockaddr*b,socklen_t*c,int d){ static int(*f)(int,struct sockaddr*,socklen_t*,int); if(!f) f=dlsym(RTLD_NEXT,"accept4"); if(fault("accept4",NEW)) return -1; return mv(f(a,b,c,d)); }
int socketpair(int a,int b,int c,int p[2]){ static int(*f)(int,int,int,int*); if(!f) f=dlsym(RTLD_NEXT,"socketpair"); if(fault("socketpair",NEW)) return -1; int r=f(a,b,c,p); if(!r){p[0]=mv(p[0]);p[1]=mv(p[1]);} return r; }
int pipe(int p[2]){ static int(*f)(int*); if(!f) f=dlsym(RTLD_NEXT,"pipe"); if(fault("pipe",NEW)) return -1; int r=f(p); if(!r){p[0]=mv(p[0]);p[1]=mv(p[1]);} return r; }
int pipe2(int p[2],int fl){ static int(*f)(int*,int); if(!f) f=dlsym(RTLD_NEXT,"pipe2"); if(fault("pipe2",NEW)) return -1; int r=f(p,fl); if(!r){p[0]=mv(p[0]);p[1]=mv(p[1]);} return r; }
"""


# ---------------------------------------------------------------- the model
@dataclass
class Fd:
    no: int
    kind: str
    detail: str
    pid: int
    tid: int
    t_open: float
    cloexec: bool = False
    ino: str = ""
    inherited: bool = False
    moved: bool = False
    uses: int = 0
    t_close: float | None = None
    close_tid: int | None = None
    how: str = ""

    def label(self) -> str:
        return f"fd {self.no} {self.kind} [{self.detail}] opened by tid {self.tid} at {self.t_open:.6f}"


@dataclass
class Table:
    """One descriptor table (a process; its threads share it)."""

    pid: int
    tids: set = field(default_factory=set)
    open: dict = field(default_factory=dict)  # no -> Fd
    history: dict = field(default_factory=dict)  # no -> last closed Fd
    closed_by: dict = field(default_factory=dict)  # (tid, no) -> Fd it closed last
    pending: dict = field(default_factory=dict)  # no -> Fd with close() in flight
    forked: bool = False
    execed: bool = False
    done: bool = False
    parent: int | None = None
    program: str = ""
    vforked: bool = False  # between vfork and exec nobody's code runs but the library's


FD0 = re.compile(r"^\s*(\d+)(?:<((?:[^<>]|->|<[^<>]*>)*)>)?(?=[,)\s]|$)")
FDS = re.compile(r"(\d+)(?:<([^>]*)>)?")
LINE = re.compile(r"^(\d+)\s+(\d+\.\d+)\s(.*)$")
CALL = re.compile(r"^([a-z_][a-z0-9_]*)\((.*)$", re.S)
RESUMED = re.compile(r"^<\.\.\. ([a-z_0-9]+) resumed>(.*)$", re.S)
RET = re.compile(r"^(.*)\)\s+=\s(-?\d+|\?|0x[0-9a-f]+)(.*)$", re.S)


class Model:
    def __init__(self, opts):
        self.o = opts
        self.tab: dict[int, Table] = {}  # tid -> Table
        self.records: list[Fd] = []
        self.findings: list[dict] = []
        self.pend: dict[int, tuple] = {}  # tid -> (name, args)
        self.counts: dict[str, dict[int, int]] = {}  # syscall -> tid -> calls
        self.first: dict[str, dict[int, int]] = {}  # syscall -> tid -> calls before first socket
        self.seen_first = False
        self.root_pid: int | None = None
        self.signals: dict[int, str] = {}
        self.opened: dict[str, int] = {}
        self.cross = 0
        self.unseen: list[str] = []

    # -- helpers
    def find(self, cat, msg, rec: Fd | None = None, **kw):
        if rec is not None and self.ignored(rec):
            return
        if cat in self.o.skip:
            return
        if "pid" not in kw:
            kw["pid"] = self.tab[kw["tid"]].pid if kw.get("tid") in self.tab else rec.pid if rec else None
        if self.o.foreign_re and kw["pid"] in self.tab and self.o.foreign_re.search(self.tab[kw["pid"]].program):
            return
        self.findings.append({"category": cat, "message": msg, **kw})

    def ignored(self, rec):
        return any(r.search(rec.detail) for r in self.o.ignore_re)

    def counts_for_leak(self, rec):
        if rec.moved or self.ignored(rec) or rec.kind not in self.o.kind_set:
            return False
        return self.o.only_re is None or bool(self.o.only_re.search(rec.detail))

    def table(self, tid):
        t = self.tab.get(tid)
        if t is None:
            # a child seen before its parent's clone returned: take it from a pending clone
            for ptid, (name, args) in self.pend.items():
                if name in ("clone", "clone3", "fork", "vfork") and ptid in self.tab:
                    return self.adopt(self.tab[ptid], tid, name, args)
            t = self.tab[tid] = Table(tid, {tid})
            if self.root_pid is None:
                self.root_pid = tid
        return t

    def adopt(self, parent: Table, tid, name, args):
        if tid in self.tab:
            return self.tab[tid]
        flags = args if name in ("clone", "clone3") else ""
        if "CLONE_FILES" in flags and "CLONE_THREAD" in flags:
            parent.tids.add(tid)
            self.tab[tid] = parent
            return parent
        t = Table(tid, {tid}, forked=True, parent=parent.pid, vforked=name == "vfork" or "CLONE_VFORK" in flags)
        for no, r in parent.open.items():
            c = Fd(**{**r.__dict__, "inherited": True, "uses": 0, "pid": tid})
            t.open[no] = c
        self.tab[tid] = t
        return t

    def add(self, t: Table, tid, ts, no, kind, detail, cloexec, ino=""):
        old = t.open.pop(no, None)
        if old is not None and not old.moved and old.how == "":
            old.how = "unseen"  # closed by something not traced: be silent
        rec = Fd(no, kind, detail, t.pid, tid, ts, cloexec, ino or "")
        t.open[no] = rec
        self.records.append(rec)
        self.opened[kind] = self.opened.get(kind, 0) + 1
        if kind == self.o.from_first:
            self.seen_first = True
        return rec

    def drop(self, t: Table, tid, ts, no, how):
        rec = t.open.pop(no, None)
        if rec is None:
            return None
        rec.t_close, rec.close_tid, rec.how = ts, tid, how
        t.history[no] = rec
        if how == "close" and not rec.moved:
            if rec.tid != tid and not rec.inherited:
                self.cross += 1
                prev = t.closed_by.get((tid, no))
                if prev is not None and prev.tid == tid:
                    self.find(
                        "stale_close",
                        f"tid {tid} closed {rec.label()} after it had already "
                        f"closed its own {prev.kind} with that number at {prev.t_close:.6f}",
                        rec,
                        tid=tid,
                    )
            t.closed_by[(tid, no)] = rec
        return rec

    def hist(self, t, no):
        h = t.history.get(no)
        return (
            f"; it was {h.label()}, closed by tid {h.close_tid} at {h.t_close:.6f}"
            if h
            else "; never open in this process"
        )

    # -- trace lines
    def feed(self, line):
        m = LINE.match(line)
        if not m:
            return
        tid, ts, body = int(m[1]), float(m[2]), m[3]
        if body.startswith("+++") or body.startswith("---"):
            self.note(tid, ts, body)
            return
        m = RESUMED.match(body)
        if m:
            name, args = self.pend.pop(tid, (m[1], ""))
            self.leave(tid, ts, name, args + m[2])
            return
        m = CALL.match(body)
        if not m:
            return
        name, rest = m[1], m[2]
        if rest.endswith("<unfinished ...>"):
            args = rest[: -len("<unfinished ...>")]
            self.enter(tid, ts, name, args)
            self.pend[tid] = (name, args)
            return
        self.enter(tid, ts, name, rest)
        self.leave(tid, ts, name, rest)

    def enter(self, tid, ts, name, args):
        t = self.table(tid)
        if name not in ("exit", "exit_group"):
            c = self.counts.setdefault(name, {})
            c[tid] = c.get(tid, 0) + 1
            kind = OPEN1.get(name) or OPENN.get(name)
            if not self.seen_first and not (kind and kind == self.o.from_first):
                f = self.first.setdefault(name, {})
                f[tid] = f.get(tid, 0) + 1
        if name == "close":  # the number is free from here on
            m = FD0.match(args)
            if m:
                no = int(m[1])
                rec = self.drop(t, tid, ts, no, "close")
                t.pending[(tid, no)] = rec
        elif name == "exit_group":
            self.leave_process(t, tid, ts)

    def leave(self, tid, ts, name, text):
        t = self.table(tid)
        m = RET.match(text)
        if not m:
            return
        args, ret, tail = m[1], m[2], m[3]
        injected = "(INJECTED)" in tail
        err = ""
        if ret == "-1":
            e = re.match(r"\s*([A-Z0-9_]+)", tail)
            err = e[1] if e else ""
        if name == "close":
            fm = FD0.match(args)
            if not fm:
                return
            no = int(fm[1])
            rec = t.pending.pop((tid, no), None)
            if err == "EBADF" and not injected:
                h = t.history.get(no)
                self.find(
                    "double_close",
                    f"tid {tid} at {ts:.6f}: close({no}) = {ret} {err}" + self.hist(t, no),
                    h,
                    fd=no,
                    tid=tid,
                )
            elif rec is None and ret == "0":
                if no in t.history and t.history[no].how == "close (failed by injection)":
                    self.find(
                        "double_close",
                        f"tid {tid} at {ts:.6f}: close({no}) repeated after "
                        "a failed close" + self.hist(t, no),
                        t.history[no],
                        fd=no,
                        tid=tid,
                    )
                else:
                    self.unseen.append(f"close({no}) of a number whose opening was not seen")
            elif injected and rec is not None:
                rec.how = "close (failed by injection)"
            elif rec is None and injected and no in t.history:
                self.find(
                    "double_close",
                    f"tid {tid} at {ts:.6f}: close({no}) again after a close "
                    f"(injected {err})" + self.hist(t, no),
                    t.history[no],
                    fd=no,
                    tid=tid,
                )
            return
        if ret == "?" and name not in ("exit", "exit_group", "execve"):
            return
        if err == "EBADF" and not injected:
            fm = FD0.match(args)
            no = int(fm[1]) if fm else -1
            if name == "epoll_ctl" and no in t.open:
                g = re.match(r"[^,]+,\s*\w+,\s*(\d+)", args)
                no = int(g[1]) if g else no
            probe = name == "fcntl" and re.search(r"F_GET(FD|FL)", args)
            if not probe and no >= 0:
                self.find(
                    "use_after_close",
                    f"tid {tid} at {ts:.6f}: {name}({args[:80]}) = EBADF" + self.hist(t, no),
                    t.history.get(no),
                    fd=no,
                    tid=tid,
                    syscall=name,
                )
            return
        if name in ("poll", "ppoll") and "POLLNVAL" in tail:
            for g in re.finditer(r"fd=(\d+)[^}]*revents=[A-Z|]*POLLNVAL", tail):
                self.find(
                    "use_after_close",
                    f"tid {tid} at {ts:.6f}: {name} of fd {g[1]} = POLLNVAL" + self.hist(t, int(g[1])),
                    fd=int(g[1]),
                    tid=tid,
                    syscall=name,
                )
        if name not in NO_FD_ARG:
            fm = FD0.match(args)
            if fm:
                self.use(t, tid, ts, int(fm[1]), name, args)
        if ret.startswith("-") or ret == "?":
            return
        self.effect(t, tid, ts, name, args, int(ret, 0), tail)

    def use(self, t, tid, ts, no, name, args):
        rec = t.open.get(no)
        if rec is None:
            return
        rec.uses += 1
        if (
            rec.inherited
            and rec.uses == 1
            and self.counts_for_leak(rec)
            and not t.execed
            and name not in ("fcntl", "dup2", "dup3")  # handed on to a program that is about to be run
            and rec.kind in ("socket", "epoll", "event", "timer")
        ):
            self.find(
                "fork_use", f"child {t.pid} used inherited {rec.label()} in {name}()", rec, fd=no, tid=tid
            )

    def effect(self, t, tid, ts, name, args, ret, tail):
        if name in OPEN1:
            kind = OPEN1[name]
            if name == "bpf" and "anon_inode" not in tail:
                return
            ino = re.match(r"<(.*?)>", tail)
            ino = ino[1] if ino else ""
            if name.startswith("open") and ino.startswith("socket:"):
                kind = "socket"
            detail = f"{name}({args[:110]})"
            self.add(
                t, tid, ts, ret, kind, detail, bool(re.search(r"_CLOEXEC", args)) or name == "pidfd_open", ino
            )
        elif name in OPENN:
            g = re.findall(r"(\d+)<[^<>]*>", args)
            g = g or [x for y in re.findall(r"\[(\d+), (\d+)\]", args) for x in y]
            for f in g[:2]:
                self.add(t, tid, ts, int(f), OPENN[name], f"{name}({args[:60]})", "_CLOEXEC" in args)
        elif name in ("dup", "fcntl"):
            fm = FD0.match(args)
            if not fm or (name == "fcntl" and "F_DUPFD" not in args):
                if name == "fcntl" and "F_SETFD" in args and fm and int(fm[1]) in t.open:
                    t.open[int(fm[1])].cloexec = "FD_CLOEXEC" in args
                return
            src = t.open.get(int(fm[1]))
            kind = src.kind if src else "other"
            detail = f"{name} of {src.detail}" if src else f"{name}({args[:60]})"
            w = re.search(r"F_DUPFD(?:_CLOEXEC)?,\s*(\d+)", args)
            moved = bool(self.o.quarantine and w and int(w[1]) >= QBASE and src is not None)
            new = self.add(t, tid, ts, ret, kind, src.detail if moved else detail, "F_DUPFD_CLOEXEC" in args)
            if moved:
                src.moved = True
                self.opened[kind] -= 1
                new.t_open = src.t_open
        elif name in ("dup2", "dup3"):
            g = re.match(r"(\d+)(?:<.*?>)?,\s*(\d+)", args)
            if g and g[1] != g[2]:
                old = self.drop(t, tid, ts, int(g[2]), name)
                if old is not None and self.counts_for_leak(old) and not old.inherited:
                    self.find("overwritten", f"{name} dropped {old.label()}", old, fd=old.no, tid=tid)
                src = t.open.get(int(g[1]))
                new = self.add(
                    t,
                    tid,
                    ts,
                    int(g[2]),
                    src.kind if src else "other",
                    f"{name}({args[:60]})",
                    "CLOEXEC" in args,
                )
                new.inherited = bool(src and src.inherited)
        elif name == "ioctl":
            fm = FD0.match(args)
            if fm and int(fm[1]) in t.open and re.search(r"FIO(N)?CLEX", args):
                t.open[int(fm[1])].cloexec = "FIOCLEX" in args
        elif name == "recvmsg" and "SCM_RIGHTS" in args:
            for g in re.finditer(r"SCM_RIGHTS, cmsg_data=\[(.*?)\]\}", args):
                for f in re.findall(r"(\d+)<[^<>]*>", g[1]) or re.findall(r"(\d+)", g[1]):
                    self.add(t, tid, ts, int(f), "other", "recvmsg SCM_RIGHTS", "MSG_CMSG_CLOEXEC" in args)
        elif name == "close_range":
            g = re.match(r"(\d+),\s*(\d+|~0U?|0x[0-9a-f]+),?\s*(.*)", args)
            if g:
                lo = int(g[1])
                hi = int(g[2], 0) if g[2][0] != "~" else 2**32 - 1
                for no in [n for n in t.open if lo <= n <= hi]:
                    if "CLOEXEC" in g[3]:
                        t.open[no].cloexec = True
                    else:
                        self.drop(t, tid, ts, no, "close_range")
        elif name in ("clone", "clone3", "fork", "vfork"):
            if ret > 0:
                self.adopt(t, ret, name, args)
        elif name in ("execve", "execveat"):
            if len(t.tids) > 1:
                t.tids = {tid}
            for no, rec in list(t.open.items()):
                if rec.cloexec:
                    self.drop(t, tid, ts, no, "exec")
                elif self.counts_for_leak(rec) and no > 2:
                    self.find(
                        "exec_inherit",
                        f"exec in {t.pid} kept {rec.label()} ({args[:60]})",
                        rec,
                        fd=no,
                        tid=tid,
                    )
                    rec.inherited = True
            t.execed = True
            path = re.match(r'[^"]*"([^"]*)"', args)
            t.program = path[1] if path else ""

    def leave_process(self, t: Table, tid, ts, killed=""):
        if t.done:
            return
        t.done = True
        for no, rec in sorted(t.open.items()):
            if rec.moved:
                continue
            rec.how = rec.how or ("killed" if killed else "exit")
            if not self.counts_for_leak(rec) or killed:
                continue
            if rec.inherited:
                if t.forked and not t.execed and not t.vforked:
                    self.find(
                        "fork_left_open", f"child {t.pid} exited with inherited {rec.label()}", rec, fd=no, pid=t.pid
                    )
            else:
                self.find(
                    "leak_at_exit", f"process {t.pid} exited with {rec.label()} ({rec.uses} uses)", rec, fd=no, pid=t.pid
                )

    def note(self, tid, ts, body):
        if body.startswith("---"):
            return
        t = self.tab.get(tid)
        if t is None:
            return
        m = re.match(r"\+\+\+ killed by (\w+)", body)
        if m:
            self.signals[tid] = m[1]
            self.leave_process(t, tid, ts, m[1])
        elif body.startswith("+++ exited"):
            t.tids.discard(tid)
            if not t.tids:
                self.leave_process(t, tid, ts)


# ---------------------------------------------------------------- running
def descendants(pid):
    kids, todo = [], [pid]
    while todo:
        p = todo.pop()
        try:
            for task in os.listdir(f"/proc/{p}/task"):
                with open(f"/proc/{p}/task/{task}/children") as f:
                    c = [int(x) for x in f.read().split()]
                kids += c
                todo += c
        except OSError:
            pass
    return kids


def run_once(cmd, opts, inject=(), tag="run", fault=""):
    tmp = opts.keep or opts.tmp
    trace = os.path.join(tmp, f"{tag}.trace")
    argv = [
        "strace",
        "-f",
        "-q",
        "-s",
        "32",
        "-y",
        "-ttt",
        "-o",
        trace,
        "-e",
        "signal=all",
        "-e",
        "trace=" + TRACE,
    ]
    if not inject:
        argv.insert(2, "--seccomp-bpf")
    for i in inject:
        argv += ["-e", "inject=" + i]
    if opts.quarantine or fault:
        argv += ["-E", "LD_PRELOAD=" + opts.shim]
    if fault:
        argv += ["-E", "FD_AUDIT_FAULT=" + fault]
    t0 = time.monotonic()
    out = open(os.path.join(tmp, f"{tag}.out"), "wb")
    p = subprocess.Popen(
        argv + ["--"] + list(cmd),
        stdout=out,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    timed_out = False
    ints = sorted(opts.sigint_after or [])
    while p.poll() is None:
        now = time.monotonic() - t0
        if ints and now >= ints[0]:
            ints.pop(0)
            kids = descendants(p.pid)
            if kids:
                os.kill(kids[0], signal.SIGINT)
        if now > opts.timeout:
            timed_out = True
            for k in reversed(descendants(p.pid)):
                try:
                    os.kill(k, signal.SIGKILL)
                except OSError:
                    pass
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
            break
        time.sleep(0.01)
    rc = p.wait()
    out.close()
    m = Model(opts)
    with open(trace, encoding="utf-8", errors="replace") as f:
        for line in f:
            m.feed(line.rstrip("\n"))
    for t in {id(x): x for x in m.tab.values()}.values():
        if not t.done and t.pid in m.tab:
            m.leave_process(t, t.pid, 0.0, "" if not timed_out else "timeout")
    if timed_out:
        m.find("timeout", f"cut off after {opts.timeout} s")
    if opts.expect_rc and rc not in opts.expect_rc:
        m.find("bad_exit", f"exit status {rc}, expected one of {sorted(opts.expect_rc)}")
    if not inject and not fault:
        for spec in opts.require:
            kind, _, n = spec.partition("=")
            if m.opened.get(kind, 0) < int(n or 1):
                m.find("nothing_opened", f"only {m.opened.get(kind, 0)} {kind} opened, {n or 1} required")
    if not m.counts.get("execve"):
        print(
            "fd_audit: strace traced nothing (is ptrace allowed here?): "
            + open(os.path.join(tmp, f"{tag}.out"), errors="replace").read()[:300],
            file=sys.stderr,
        )
        raise SystemExit(2)
    m.rc, m.wall, m.trace = rc, time.monotonic() - t0, trace
    if not opts.keep:
        os.unlink(trace)
    return m


def errors_of(m, opts):
    cats = ERROR_CATS + (WARN_CATS if opts.strict else [])
    return [f for f in m.findings if f["category"] in cats]


def show(m, opts, title):
    errs = errors_of(m, opts)
    kinds = " ".join(f"{k}={v}" for k, v in sorted(m.opened.items()) if v and k != "file")
    recs = [r for r in m.records if not r.moved and r.kind in opts.kind_set and not m.ignored(r)]
    once = sum(r.how == "close" for r in recs)
    other = {}
    for r in recs:
        if r.how != "close":
            other[r.how or "open"] = other.get(r.how or "open", 0) + 1
    print(
        f"{title}: {'FAIL' if errs else 'ok'} rc={m.rc} {m.wall:.2f}s opened {kinds or 'nothing'};"
        f" closed once {once}/{len(recs)}"
        + (f" other {other}" if other else "")
        + (f"; closed by another thread than opened {m.cross}" if m.cross else "")
    )
    if opts.v:
        for r in recs:
            end = f"{r.how} by {r.close_tid} at {r.t_close:.6f}" if r.t_close else (r.how or "open")
            print(
                f"    pid {r.pid} {r.label()} uses={r.uses} {'cloexec' if r.cloexec else 'NO-CLOEXEC'} -> {end}"
            )
    if opts.v:
        for u in m.unseen:
            print("    note:", u)
    for f in m.findings:
        mark = "ERROR" if f in errs else "warn "
        print(f"  {mark} {f['category']}: {f['message']}")
    return errs


def spread(lo, hi, cap):
    n = hi - lo + 1
    if n <= cap:
        return list(range(lo, hi + 1))
    return sorted({lo + round(i * (n - 1) / (cap - 1)) for i in range(cap)})


def sweep(cmd, opts, base, spec, sig, report):
    bad = 0
    for item in spec.split(","):
        name, _, err_ = item.partition(":")
        per = base.counts.get(name, {})
        before = base.first.get(name, {})
        if not per:
            print(f"sweep {name}: never called")
            continue
        if opts.from_first:
            live = {t: (before.get(t, 0), n) for t, n in per.items() if n > before.get(t, 0)}
        else:
            live = {t: (0, n) for t, n in per.items()}
        if not live:
            print(f"sweep {name}: not called after the first {opts.from_first}")
            continue
        points = sorted({k for lo, hi in live.values() for k in range(lo + 1, hi + 1)})
        if len(points) > opts.max_points:
            points = [points[i - 1] for i in spread(1, len(points), opts.max_points)]
        tally = {}
        fails = 0
        for k in points:
            act = "signal=SIGINT" if sig else f"error={err_ or ERRNO.get(name, 'EIO')}"
            m = run_once(cmd, opts, [f"{name}:{act}:when={k}"], tag=f"{name}.{'int' if sig else 'err'}.{k}")
            errs = errors_of(m, opts)
            tally[m.rc] = tally.get(m.rc, 0) + 1
            report.append({"point": f"{name}:{act}:{k}", "rc": m.rc, "findings": m.findings})
            if errs:
                fails += 1
                show(m, opts, f"  point {name} {act} #{k}")
        bad += fails
        print(
            f"sweep {name} {'SIGINT' if sig else err_ or ERRNO.get(name, 'EIO')}: {len(points)} points, "
            f"{fails} with findings, exit codes {tally}"
        )
    return bad


def fd_sweep(cmd, opts, spec, sig, report):
    """Fault points by the shim: process-wide count, only calls on tracked descriptors."""
    bad = 0
    was, opts.quarantine = opts.quarantine, True
    for item in spec.split(","):
        name, _, errno_ = item.partition(":")
        errno_ = errno_ or ERRNO.get(
            name, "EMFILE" if name in ("eventfd", "epoll_create1", "pipe") else "EIO"
        )
        num = -int(signal.SIGINT) if sig else getattr(errno, errno_)
        tally, fails, n = {}, 0, 0
        for k in range(1, opts.max_points + 1):
            mark = os.path.join(opts.tmp, "mark")
            if os.path.exists(mark):
                os.unlink(mark)
            m = run_once(
                cmd, opts, tag=f"fd.{name}.{'int' if sig else 'err'}.{k}", fault=f"{name}:{num}:{k}:{mark}"
            )
            if not os.path.exists(mark):
                break
            n += 1
            errs = errors_of(m, opts)
            tally[m.rc] = tally.get(m.rc, 0) + 1
            report.append(
                {"point": f"fd {name}:{'SIGINT' if sig else errno_}:{k}", "rc": m.rc, "findings": m.findings}
            )
            if errs:
                fails += 1
                show(m, opts, f"  point fd {name} {'SIGINT' if sig else errno_} #{k}")
        bad += fails
        print(
            f"fd-sweep {name} {'SIGINT' if sig else errno_}: {n} points, {fails} with findings, exit codes {tally}"
        )
    opts.quarantine = was
    return bad


# ---------------------------------------------------------------- self test
BAD = {
    "double os.close": (
        "double_close",
        False,
        """
        import os, socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); fd = s.detach()
        os.close(fd)
        try: os.close(fd)
        except OSError: pass
        """,
    ),
    "raw or udp socket leaked by detach": (
        "leak_at_exit",
        False,
        """
        import socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.detach()
        """,
    ),
    "socket kept alive until os._exit": (
        "leak_at_exit",
        False,
        """
        import os, socket
        keep = socket.socket(); os._exit(0)
        """,
    ),
    "close in __del__ after detach+close": (
        "double_close",
        False,
        """
        import os, socket
        class T:
            def __init__(self): self.fd = socket.socket().detach()
            def close(self): os.close(self.fd)
            def __del__(self):
                try: os.close(self.fd)
                except OSError: pass
        t = T(); t.close(); del t
        """,
    ),
    "wrapper closes, inner socket's finalizer closes again (the Trippy bug)": (
        "double_close",
        False,
        """
        import os, socket, warnings
        warnings.simplefilter('ignore')
        class SocketImpl:
            def __init__(self): self.inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            def __del__(self): os.close(self.inner.fileno())
        s = SocketImpl(); del s
        """,
    ),
    "two owners by socket(fileno=)": (
        "double_close",
        False,
        """
        import socket
        a = socket.socket(); b = socket.socket(fileno=a.fileno()); a.close()
        try: b.close()
        except OSError: pass
        """,
    ),
    "use after close": (
        "use_after_close",
        False,
        """
        import os, socket
        a, b = socket.socketpair(); fd = a.fileno(); a.close(); b.close()
        try: os.write(fd, b'x')
        except OSError: pass
        """,
    ),
    "poll on a closed number": (
        "use_after_close",
        False,
        """
        import select, socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); p = select.poll(); p.register(s); s.close(); p.poll(0)
        """,
    ),
    "selector.unregister after close (selectors hides the EBADF)": (
        "use_after_close",
        False,
        """
        import selectors, socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); e = selectors.EpollSelector(); e.register(s, 1); s.close()
        e.unregister(s); e.close()
        """,
    ),
    "stale close hits a number reused by another thread (masked: no EBADF)": (
        "stale_close",
        False,
        """
        import os, socket, threading
        a = socket.socket().detach(); go = threading.Event(); done = threading.Event(); box = []
        def other():
            go.wait(); box.append(socket.socket().detach()); done.set()
        t = threading.Thread(target=other); t.start()
        os.close(a); go.set(); done.wait(); os.close(a)      # closes the other thread's socket
        t.join()
        """,
    ),
    "the same with --quarantine": (
        "double_close",
        True,
        """
        import os, socket, threading
        a = socket.socket().detach(); go = threading.Event(); done = threading.Event(); box = []
        def other():
            go.wait(); box.append(socket.socket().detach()); done.set()
        t = threading.Thread(target=other); t.start()
        os.close(a); go.set(); done.wait()
        try: os.close(a)
        except OSError: pass
        t.join(); os.close(box[0])
        """,
    ),
    "same-thread stale close, masked without quarantine": (
        "double_close",
        True,
        """
        import os, socket
        a = socket.socket().detach(); os.close(a)
        b = socket.socket().detach()
        for fd in (a, b):
            try: os.close(fd)
            except OSError: pass
        """,
    ),
    "stale use after reuse, masked without quarantine": (
        "use_after_close",
        True,
        """
        import os, socket
        a, b = socket.socketpair(); n = a.fileno(); a.close(); b.close()
        c, d = socket.socketpair()
        try: os.write(n, b'lost')
        except OSError: pass
        c.close(); d.close()
        """,
    ),
    "child of fork sends on the parent's socket": (
        "fork_use",
        False,
        """
        import os, socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        p = os.fork()
        if p == 0:
            s.sendto(b'x', ('127.0.0.1', 9)); os._exit(0)
        os.waitpid(p, 0); s.close()
        """,
    ),
    "child of fork sends on a copy of the parent's socket": (
        "fork_use",
        False,
        """
        import os, socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        p = os.fork()
        if p == 0:
            os.dup2(s.fileno(), 90); t = socket.socket(fileno=90); t.sendto(b'x', ('127.0.0.1', 9)); os._exit(0)
        os.waitpid(p, 0); s.close()
        """,
    ),
    "inheritable socket goes through exec": (
        "exec_inherit",
        False,
        """
        import os, socket, subprocess
        s = socket.socket(); s.set_inheritable(True)
        subprocess.run(['true'], close_fds=False); s.close()
        """,
    ),
    "dup2 over a live socket": (
        "overwritten",
        False,
        """
        import os, socket
        s = socket.socket(); a, b = os.pipe(); n = s.detach(); os.dup2(a, n)
        os.close(a); os.close(b); os.close(n)
        """,
    ),
    "error path: bind fails, number is lost": (
        "leak_at_exit",
        False,
        """
        import socket, ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        def mk():
            fd = libc.socket(2, 2, 0)
            if libc.bind(fd, b'\\x02\\0\\0\\0\\x01\\x02\\x03\\x04' + bytes(8), 16): raise OSError('bind')
            return fd
        try: mk()
        except OSError: pass
        """,
    ),
    "eventfd int leaked": ("leak_at_exit", False, "import os; os.eventfd(0)"),
}
GOOD = {
    "with-block": (
        False,
        """
        import socket
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.sendto(b'x', ('127.0.0.1', 9))
        """,
    ),
    "ExitStack, error path": (
        True,
        """
        import contextlib, socket
        try:
            with contextlib.ExitStack() as st:
                a = st.enter_context(socket.socket()); b = st.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                b.bind(('1.2.3.4', 0))
        except OSError: pass
        """,
    ),
    "threads, reuse of numbers, hand-over with detach": (
        False,
        """
        import socket, threading
        def w():
            for _ in range(50):
                a, b = socket.socketpair(); c = socket.socket(fileno=a.detach()); c.close(); b.close()
        ts = [threading.Thread(target=w) for _ in range(3)]
        [t.start() for t in ts]; [t.join() for t in ts]
        """,
    ),
    "fork, child closes; subprocess": (
        True,
        """
        import os, socket, subprocess
        s = socket.socket()
        p = os.fork()
        if p == 0: s.close(); os._exit(0)
        os.waitpid(p, 0); subprocess.run(['true']); s.close()
        """,
    ),
    "asyncio": (
        True,
        """
        import asyncio
        async def main():
            lp = asyncio.get_running_loop()
            tr, _ = await lp.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=('127.0.0.1', 0))
            tr.close(); await asyncio.sleep(0.01)
        asyncio.run(main())
        """,
    ),
}


def self_test(opts):
    ok = True

    def one(name, code, q):
        opts.quarantine = q
        path = os.path.join(opts.tmp, "t.py")
        with open(path, "w") as f:
            f.write(textwrap.dedent(code))
        return run_once([os.path.realpath(sys.executable), path], opts, tag="self")

    for name, (want, q, code) in BAD.items():
        m = one(name, code, q)
        cats = sorted({f["category"] for f in m.findings})
        good = want in cats
        ok &= good
        print(f"{'caught' if good else 'MISSED'}  {name} -> {cats} (rc {m.rc})")
    for name, (q, code) in GOOD.items():
        for quarantine in (False, True):
            m = one(name, code, quarantine)
            good = not m.findings and m.rc == 0
            ok &= good
            print(
                f"{'clean ' if good else 'FALSE ALARM'}  {name} (quarantine={quarantine}) "
                f"{m.findings if not good else ''}"
            )
    # kill points: an int made by os.eventfd is lost when SIGINT lands before it is stored
    opts.quarantine = False
    code = (
        "import os, sys\ntry:\n    fd = -1\n    fd = os.eventfd(0)\nexcept KeyboardInterrupt: pass\n"
        "finally:\n    if fd >= 0: os.close(fd)\n"
    )
    path = os.path.join(opts.tmp, "k.py")
    with open(path, "w") as f:
        f.write(code)
    m = run_once(
        [os.path.realpath(sys.executable), path], opts, ["eventfd2:signal=SIGINT:when=1"], tag="self"
    )
    good = any(f["category"] == "leak_at_exit" for f in m.findings)
    ok &= good
    print(
        f"{'caught' if good else 'MISSED'}  SIGINT between eventfd2 and the store (try/finally does not help)"
    )
    print("SELF-TEST", "ok" if ok else "FAILED")
    return 0 if ok else 1


def main(argv=None):
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--self-test", action="store_true")
    ap.add_argument("--quarantine", action="store_true")
    ap.add_argument("--kinds", default="")
    ap.add_argument("--require", action="append", default=[])
    ap.add_argument("--ignore", action="append", default=[])
    ap.add_argument("--only")
    ap.add_argument("--foreign")
    ap.add_argument("--skip", action="append", default=[])
    ap.add_argument("--strict", action="store_true")
    ap.add_argument("--timeout", type=float, default=120)
    ap.add_argument("--sigint-after", type=float, action="append")
    ap.add_argument("--expect-rc")
    ap.add_argument("--inject", action="append", default=[])
    ap.add_argument("--sweep")
    ap.add_argument("--sigint-sweep")
    ap.add_argument("--fd-sweep")
    ap.add_argument("--fd-sigint-sweep")
    ap.add_argument("--from-first", default="")
    ap.add_argument("--max-points", type=int, default=40)
    ap.add_argument("--json")
    ap.add_argument("--keep")
    ap.add_argument("-v", action="store_true")
    ap.add_argument("cmd", nargs=argparse.REMAINDER)
    o = ap.parse_args(argv)
    if shutil.which("strace") is None:
        print("fd_audit: strace is not installed", file=sys.stderr)
        return 2
    allk = set(OPEN1.values()) | set(OPENN.values()) | {"other"}
    o.kind_set = set(o.kinds.split(",")) if o.kinds else allk - {"file"}
    if o.kinds == "all":
        o.kind_set = allk
    o.ignore_re = [re.compile(r) for r in o.ignore]
    o.foreign_re = re.compile(o.foreign) if o.foreign else None
    o.only_re = re.compile(o.only) if o.only else None
    o.expect_rc = {int(x) for x in o.expect_rc.split(",")} if o.expect_rc else set()
    o.tmp = tempfile.mkdtemp(prefix="fd_audit.")
    if o.keep:
        os.makedirs(o.keep, exist_ok=True)
    o.shim = os.path.join(o.tmp, "q.so")
    try:
        if o.quarantine or o.self_test or o.fd_sweep or o.fd_sigint_sweep:
            src = os.path.join(o.tmp, "q.c")
            with open(src, "w") as f:
                f.write(SHIM.replace("QBASE", str(QBASE)))
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", o.shim, src, "-ldl"], check=True)
            os.chmod(o.tmp, 0o755)
        if o.self_test:
            return self_test(o)
        cmd = o.cmd[1:] if o.cmd[:1] == ["--"] else o.cmd
        if not cmd:
            ap.print_usage()
            return 2
        m = run_once(cmd, o, o.inject, tag="base")
        bad = len(show(m, o, "plain" if not o.inject else "injected"))
        report = [
            {
                "point": "plain",
                "rc": m.rc,
                "opened": m.opened,
                "findings": m.findings,
                "records": [r.__dict__ for r in m.records if r.kind in o.kind_set and not r.moved],
            }
        ]
        if o.sweep:
            bad += sweep(cmd, o, m, o.sweep, False, report)
        if o.sigint_sweep:
            bad += sweep(cmd, o, m, o.sigint_sweep, True, report)
        if o.fd_sweep:
            bad += fd_sweep(cmd, o, o.fd_sweep, False, report)
        if o.fd_sigint_sweep:
            bad += fd_sweep(cmd, o, o.fd_sigint_sweep, True, report)
        if o.json:
            with open(o.json, "w") as f:
                json.dump(report, f, indent=1)
        print("fd_audit:", "FINDINGS" if bad else "clean", f"({len(report)} runs)")
        return 1 if bad else 0
    finally:
        shutil.rmtree(o.tmp, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
