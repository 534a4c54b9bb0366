"""What may include what: the module table, the homes of third-party headers, the size budget.

One place, in the order of the sound. A new dependency is one line here and one line in README's table.
SPDX-License-Identifier: Apache-2.0
"""

# folder -> folders it may include besides its own. A file instead of a folder allows only that file.
MODULES = {
    "src/common": [],
    "kernels": ["src/common"],
    "audio_io": ["src/common"],
    "src/features": ["src/common"],
    "src/nn": ["src/common", "src/features"],
    "src/weights": ["src/common", "kernels"],
    "src/model": ["src/common", "kernels", "src/weights", "src/features"],
    "src/engine": ["src/common", "kernels", "src/weights", "src/features", "src/model"],
    "src/bench": ["src/common", "kernels", "src/weights", "src/model", "src/engine", "audio_io", "src/features",
                  "src/nn/voice_activity.h", "realtime/listen", "realtime/turn"],
    "src/fetch": ["src/common"],
    "tts": ["src/common", "audio_io", "src/nn", "src/fetch"],
    "realtime": ["src/common", "audio_io", "src/features", "src/nn", "src/engine", "tts",
                 "src/model/tokenizer.h", "src/model/detokenizer.h", "src/model/chat_template.h",
                 "src/model/special_ids.h"],
    "src/wire": ["src/common"],
    "src/server": ["src/common", "audio_io", "src/wire", "src/model", "src/engine", "tts", "realtime"],
    "src/remote": ["src/common", "audio_io", "src/wire", "realtime/session.h"],
    "src/bridge": ["src/common", "audio_io", "src/wire", "src/remote", "realtime/session.h"],
    "src/app": ["*"],
    "tests": ["*"],
}

# third-party header (prefix) -> the files (glob) that may include it in product code.
HOMES = {
    "spdlog/": ["src/common/log.cc"],
    "yaml-cpp/": ["src/common/config_yaml.cc"],
    "nlohmann/": ["*.cc"],
    "CLI/": ["src/app/*"],
    "openvino/": ["src/nn/*.cc", "src/nn/model_cut.h"],
    "flite/": ["tts/flite_g2p.cc"],
    "kissfft/": ["src/features/stft.cc", "audio_io/fft.cc"],
    "kiss_fft": ["src/features/stft.cc"],
    "utf8proc.h": ["src/model/unicode.cc"],
    "sndfile": ["audio_io/*.cc"],
    "opus": ["audio_io/*.cc"],
    "speex/": ["audio_io/*.cc"],
    "portaudio.h": ["audio_io/device.cc"],
    "webrtc/": [],
    "curl/": ["src/fetch/*.cc"],
    "zip.h": ["src/fetch/*.cc"],
    "openssl/": ["src/fetch/*.cc", "src/server/access.cc", "src/app/self_signed.cc"],
    "boost/asio": ["realtime/*.cc", "src/app/*", "src/bridge/*.cc", "src/remote/*.cc"],
    "boost/lockfree/": ["audio_io/*"],
    "libwebsockets": ["src/wire/ws*.cc"],
    "cuda": ["kernels/cuda/*"],
    "cooperative_groups": ["kernels/cuda/*"],
    "cublas": ["kernels/cuda/*"],
    "nccl": ["kernels/cuda/*"],
    "gtest/": [],
    "gmock/": [],
    "benchmark/": [],
}

# What the compiler, libc and the kernel bring; everything else needs a home above.
SYSTEM = {
    "immintrin.h", "x86intrin.h", "cpuid.h", "arm_neon.h", "cxxabi.h", "dirent.h", "dlfcn.h", "errno.h", "fcntl.h",
    "malloc.h", "math.h", "netdb.h", "poll.h", "pthread.h", "pwd.h", "sched.h", "semaphore.h", "signal.h", "spawn.h", "stdint.h", "stdio.h", "stdlib.h",
    "string.h", "strings.h", "syscall.h", "termios.h", "time.h", "unistd.h",
}
SYSTEM_PREFIXES = ("sys/", "linux/", "netinet/", "arpa/", "asm/", "bits/")

WARN_LINES, FAIL_LINES = 400, 600

# Product code: pattern -> (why not, files where it may stand).
FORBIDDEN = {
    r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(": ("product code never sleeps: wait for an event or a deadline", []),
    r"\.detach\(\)": ("no detached threads: std::jthread joins", ["audio_io/patient_call.h"]),
    r"(?<![\w.>:])(std::)?_?exit\s*\(": ("libraries return an Error instead of ending the process", ["src/app/*"]),
    r"\bAnswerText::Key\b|\bclass AnswerParser\b\s*(final\s*)?\{":
        ("only the parser that has seen the end of thought makes speech",
         ["src/common/spoken_text.h", "realtime/mind/parser.h", "realtime/mind/parser.cc"]),
}
