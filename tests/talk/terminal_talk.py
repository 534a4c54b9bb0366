#!/usr/bin/env python3
"""`parley talk --server` as a person at a terminal sees it: on a pty, on a sound server without hardware, with a real
`parley serve` behind it. A spoken question is heard and answered, keys do what the panel says, a loudspeaker and a
microphone that go away are told and come back, and the terminal is restored on every way out.
  sound_server.sh terminal_talk.py PARLEY QUESTION.flac

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import os
import re
import resource
import select
import signal
import subprocess
import sys
import termios
import time

PARLEY, QUESTION = sys.argv[1:]
PATIENCE_S = 120  # for whatever comes; a slow machine is no failure
KEYS = "space push to talk · m mute · s stop · q quit"
SHOWS_CURSOR = "\x1b[?25h"
ENDS = contextlib.ExitStack()


class Serve:
    """A server with the default models on a free port, until SIGTERM."""

    def __enter__(self):
        command = [PARLEY, "serve", "--listen", "127.0.0.1:0", "--set", "server.drain_s=1"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"serves http://(127\.0\.0\.1:\d+)", line)
        assert found, f"the server did not start: {line!r}"
        self.url = f"ws://{found[1]}/v1/realtime"
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Talk:
    """The program on a terminal of its own, which outlives it."""

    def __init__(self, server):
        self.seen, self.at = "", 0
        self.terminal, self.own_side = os.openpty()
        self.pid = os.fork()
        if self.pid == 0:
            os.login_tty(self.own_side)
            os.execv(PARLEY, [PARLEY, "talk", "--headphones", "--server", server.url])
        self.mode = termios.tcgetattr(self.own_side)
        self.until(re.escape(KEYS))
        raw = termios.tcgetattr(self.own_side)[3]
        assert not raw & (termios.ICANON | termios.ECHO), "keys do not come one by one"
        assert "\x1b[?25l" in self.seen, "the cursor is in the way"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.own_side)
        os.close(self.terminal)

    def read(self, seconds):
        if not select.select([self.terminal], [], [], seconds)[0]:
            return False
        try:
            self.seen += os.read(self.terminal, 65536).decode(errors="replace")
        except OSError:  # everybody has closed it
            return False
        return True

    def shown(self):
        """All that was seen, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.seen)

    def until(self, pattern):
        """Waits for what is shown behind the last thing that was waited for."""
        end = time.monotonic() + PATIENCE_S
        while True:
            shown = self.shown()
            found = re.compile(pattern).search(shown, self.at)
            if found:
                self.at = found.end()
                return found[0]
            assert time.monotonic() < end, f"no {pattern!r} in:\n{screen(shown[self.at:])}"
            self.read(1)

    def press(self, keys):
        os.write(self.terminal, keys.encode())

    def exit(self):
        """Waits for the end; the status, negative for a signal. The terminal must be as it was."""
        end = time.monotonic() + PATIENCE_S
        while True:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            assert time.monotonic() < end, "the program does not end"
        while self.read(0):
            pass
        assert termios.tcgetattr(self.own_side) == self.mode, "the terminal's mode is not restored"
        assert SHOWS_CURSOR in self.seen, "the cursor is still hidden"
        return os.waitstatus_to_exitcode(status)


def screen(shown):
    """The lines without their repetitions."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9?]*[A-Za-z]|\r", "", shown).split("\n")]
    return "\n".join(line for line, before in zip(lines, [""] + lines) if line and line != before and "it █" not in line)[-3000:]


def say(clip):
    subprocess.run(["paplay", "-d", "feed", clip], check=True, timeout=PATIENCE_S)


def pactl(*words):
    """Again and again until it succeeds: a daemon that has just started may not be there yet."""
    end = time.monotonic() + PATIENCE_S
    while subprocess.run(["pactl", *words], capture_output=True).returncode != 0:
        assert time.monotonic() < end, f"pactl {words} fails"
        time.sleep(0.1)


def asks_and_hears(talk):
    """A device that has only just come may swallow the first words, and the rest is another question: then it is asked again."""
    for _ in range(5):
        before = talk.at
        say(QUESTION)
        talk.until(r"says    \w")
        talk.until(r"\d+ ms from your last word to its first sound")
        if re.search(r"(?i)you     [^\n]*conference[^\n]*\?\r\n", talk.shown()[before:talk.at]):
            return
    raise AssertionError(f"the question was not heard:\n{screen(talk.shown())}")


def a_spoken_question_and_the_keys(server):
    with Talk(server) as talk:
        asks_and_hears(talk)
        talk.press("m")
        talk.until("muted")
        talk.until("m unmute")
        talk.press("m")
        talk.until("m mute")
        talk.press("\x1b[A")  # an arrow is no key of ours
        talk.press(" ")
        talk.until("talk, then space")
        talk.until("space send")
        say(QUESTION)
        talk.press(" ")
        talk.until(r"(?i)you     [^\n]*conference")
        talk.until(r"says    \w")
        talk.until("press space")
        talk.press("o")
        talk.until(re.escape(KEYS))
        talk.press("q")
        assert talk.exit() == 0
    assert re.search(r"\d+ turns; sound in frames of \d+ ms, \d+ xruns", talk.seen), "no figures at the end"


def every_way_out_restores_the_terminal(server):
    ways = [("Ctrl-C", lambda talk: talk.press("\x03"), 0), ("Ctrl-D", lambda talk: talk.press("\x04"), 0)]
    for number, status in ((signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGQUIT, -signal.SIGQUIT),
                           (signal.SIGABRT, -signal.SIGABRT), (signal.SIGSEGV, -signal.SIGSEGV)):
        ways.append((number.name, lambda talk, number=number: os.kill(talk.pid, number), status))
    for name, leave, status in ways:
        with Talk(server) as talk:
            leave(talk)
            left = talk.exit()
            assert left == status, f"{name}: {left}, not {status}"


def devices_that_are_unplugged_are_replaced(server):
    with Talk(server) as talk:
        pactl("unload-module", "module-null-sink")  # both
        talk.until("has stopped; is it unplugged")
        talk.until("Looking for it every second")
        talk.until("back: ")  # the server's own, which takes everything and plays it nowhere
        talk.press("q")
        assert talk.exit() == 0


def devices_that_go_away_come_back(server):
    with Talk(server) as talk:
        os.kill(int(os.environ["PARLEY_SOUND_DAEMON"]), signal.SIGTERM)
        talk.until("has stopped; is it unplugged")
        talk.until("Looking for it every second")
        # This one moves streams: the program may be back before the sinks are, and would stay where there is no sound.
        moves = {**os.environ, "XDG_CONFIG_HOME": os.environ["HOME"]}
        daemon = ENDS.enter_context(subprocess.Popen(["pipewire-pulse"], stderr=subprocess.DEVNULL, env=moves))
        ENDS.callback(daemon.terminate)
        for name in ("spk", "feed"):
            pactl("load-module", "module-null-sink", "media.class=Audio/Sink", f"sink_name={name}", "channels=1",
                  "channel_map=mono")
        pactl("set-default-sink", "spk")
        pactl("set-default-source", "feed.monitor")
        talk.until("back: ")
        asks_and_hears(talk)
        talk.press("q")
        assert talk.exit() == 0


def a_server_that_goes_is_told(server):
    with Talk(server) as talk:
        server.process.send_signal(signal.SIGTERM)
        assert talk.exit() == 1
        talk.until("the connection to ws://[^ ]+ has ended")
    assert server.process.wait(PATIENCE_S) == 0, "SIGTERM does not end the server well"


os.environ.setdefault("TERM", "xterm")
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # SIGABRT and SIGSEGV are meant
with ENDS, Serve() as serve:
    for test in (a_spoken_question_and_the_keys, every_way_out_restores_the_terminal, devices_that_are_unplugged_are_replaced,
                 devices_that_go_away_come_back, a_server_that_goes_is_told):
        began = time.monotonic()
        test(serve)
        print(f"ok {test.__name__.replace('_', ' ')} ({time.monotonic() - began:.0f} s)", flush=True)
