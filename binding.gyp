{
  'variables': {
    # 1 in our own build: a compiler's new warning must not break a user's install.
    'werror%': 0,
    # '' or 'address,undefined' (scripts/test/sanitizers.mjs).
    'sanitize%': '',
  },
  'conditions': [
    ['OS=="linux"', {
      'target_defaults': {
        'cflags': [
          '-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion',
          '-fvisibility=hidden', '-fstack-protector-strong', '-fstack-clash-protection',
        ],
        'cflags!': ['-Wno-unused-parameter'],
        'cflags_cc': ['-std=c++17', '-fno-exceptions', '-fno-rtti'],
        'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
        'defines': ['_GNU_SOURCE'],
        # Each include names its folder: "syscall/result.h".
        'include_dirs': ['native'],
        'ldflags': ['-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack'],
        'conditions': [
          ['werror==1', {'cflags': ['-Werror']}],
          ['sanitize!=""', {
            'cflags': ['-fsanitize=<(sanitize)', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer', '-g'],
            'cflags_cc!': ['-fno-rtti'],
            'ldflags': ['-fsanitize=<(sanitize)'],
          }, {
            # The sanitizers replace the functions that FORTIFY wraps.
            'cflags': ['-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2'],
          }],
        ],
      },
      'targets': [
        {
          'target_name': 'tracegate',
          'sources': [
            'native/addon/addon.cc',
            'native/addon/end_notice.cc',
            'native/addon/orphaned_helpers.cc',
            'native/addon/probed_process_call.cc',
            'native/addon/process_table_call.cc',
            'native/debugger/crash_handler.cc',
            'native/debugger/grant.cc',
            'native/launch/exec.cc',
            'native/node/inheritance.cc',
            'native/node/signal_handler.cc',
            'native/probe/access_calls.cc',
            'native/probe/access_probe.cc',
            'native/probe/asking_child.cc',
            'native/probe/attach_probe.cc',
            'native/probe/perf_admission.cc',
            'native/probe/perf_event.cc',
            'native/probe/probed_process.cc',
            'native/probe/seccomp_gate.cc',
            'native/probe/security_modules.cc',
            'native/proc/process_directory.cc',
            'native/proc/process_files.cc',
            'native/proc/process_row.cc',
            'native/proc/process_status.cc',
            'native/proc/process_table.cc',
            'native/proc/single_facts.cc',
            'native/proc/status_line.cc',
            'native/proc/user_namespace.cc',
            'native/syscall/core_limit.cc',
            'native/syscall/disposition.cc',
            'native/syscall/file_capability.cc',
            'native/syscall/file_lock.cc',
            'native/syscall/peer_credentials.cc',
            'native/syscall/pidfd_info.cc',
            'native/syscall/prctl.cc',
          ],
          'cflags_cc': ['-isystem', '<!(node -p "require(\'path\').resolve(require(\'node-addon-api\').include_dir)")'],
          # A worker that loaded it alone would unload it with its end, and Node keeps an address of ours
          # (native/debugger/crash_handler.cc).
          'ldflags': ['-Wl,-z,nodelete'],
          'defines': [
            'NAPI_VERSION=8',
            'NAPI_DISABLE_CPP_EXCEPTIONS',
            # A worker may be terminated between a probe and its answer: no script can run then.
            'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
          ],
        },
        {
          # The stranger: see native/helper/main.cc.
          'target_name': 'tracegate-helper',
          'type': 'executable',
          'product_extension': '',
          'sources': [
            'native/helper/credentials.cc',
            'native/helper/main.cc',
            'native/helper/orphan.cc',
            'native/probe/access_calls.cc',
            'native/probe/access_probe.cc',
            'native/probe/asking_child.cc',
            'native/probe/attach_probe.cc',
            'native/probe/perf_event.cc',
            'native/probe/seccomp_gate.cc',
            'native/probe/security_modules.cc',
            'native/probe/stopping_attach.cc',
            'native/proc/process_directory.cc',
            'native/proc/status_line.cc',
            'native/syscall/prctl.cc',
          ],
          'cflags': ['-fPIE'],
          'ldflags': ['-pie', '-pthread'],
        },
        {
          # The attacker of `tracegate demo`: see native/demo/main.cc.
          'target_name': 'tracegate-attacker',
          'type': 'executable',
          'product_extension': '',
          'sources': [
            'native/demo/main.cc',
            'native/demo/memory_search.cc',
            'native/helper/credentials.cc',
            'native/helper/orphan.cc',
          ],
          'cflags': ['-fPIE'],
          'ldflags': ['-pie'],
        },
        {
          # What `tracegate run` becomes: see native/launch/main.cc.
          'target_name': 'tracegate-launch',
          'type': 'executable',
          'product_extension': '',
          'sources': [
            'native/launch/capabilities.cc',
            'native/launch/copy.cc',
            'native/launch/detached.cc',
            'native/launch/directory.cc',
            'native/launch/elf.cc',
            'native/launch/environment.cc',
            'native/launch/failure.cc',
            'native/launch/hold.cc',
            'native/launch/keeper.cc',
            'native/launch/limits.cc',
            'native/launch/main.cc',
            'native/launch/options.cc',
            'native/launch/preloaded.cc',
            'native/launch/program.cc',
            'native/launch/refusals.cc',
            'native/launch/sealed.cc',
            'native/launch/socket_keeper.cc',
            'native/launch/user_namespace.cc',
            'native/proc/process_directory.cc',
            'native/proc/process_files.cc',
            'native/proc/single_facts.cc',
            'native/proc/status_line.cc',
            'native/syscall/prctl.cc',
          ],
          'cflags': ['-fPIE'],
          'ldflags': ['-pie'],
        },
        {
          # For `run --deny=preload`: loaded into programs of any C library, so it is linked to none, and a
          # sanitizer has no place in it.
          'target_name': 'tracegate-preload',
          # node-gyp names every loadable_module .node.
          'type': 'executable',
          'product_name': 'tracegate-preload.so',
          'product_extension': '',
          'sources': ['native/launch/preload.cc'],
          'cflags': ['-fPIC'],
          'cflags!': ['-fsanitize=<(sanitize)'],
          'ldflags': ['-shared', '-nostdlib'],
          'ldflags!': ['-fsanitize=<(sanitize)'],
        },
      ],
    }, {
      # Elsewhere the pure parts work without the addon: nothing to build.
      'targets': [{'target_name': 'tracegate', 'type': 'none'}],
    }],
  ],
}
