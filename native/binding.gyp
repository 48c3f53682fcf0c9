{
  'variables': {
    # 1 in our own build: a compiler's new warning must not break a user's install.
    'werror%': 0,
    # '' or 'address,undefined' (scripts/test/sanitizers.mjs).
    'sanitize%': '',
    # 1 in scripts/build/prebuilds.mjs: without symbols and paths, and static programs.
    'prebuilt%': 0,
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
        'include_dirs': ['.'],
        'ldflags': ['-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack'],
        'conditions': [
          ['werror==1', {'cflags': ['-Werror']}],
          ['prebuilt==1', {
            'cflags': ['-ffunction-sections', '-fdata-sections', '-ffile-prefix-map=../../..=.', '-w'],
            'ldflags': ['-s', '-Wl,--gc-sections'],
            'target_conditions': [
              ['_type=="executable" and _target_name not in ["tracegate-preload", "tracegate-tree"]', {'ldflags!': ['-pie'], 'ldflags': ['-static']}],
            ],
          }],
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
            'addon/access_events_call.cc',
            'addon/addon.cc',
            'addon/end_notice.cc',
            'addon/orphaned_helpers.cc',
            'addon/probed_process_call.cc',
            'addon/process_table_call.cc',
            'debugger/crash_handler.cc',
            'debugger/grant.cc',
            'launch/exec.cc',
            'node/inheritance.cc',
            'node/signal_handler.cc',
            'probe/access_calls.cc',
            'probe/access_probe.cc',
            'probe/asking_child.cc',
            'probe/attach_probe.cc',
            'probe/perf_admission.cc',
            'probe/perf_event.cc',
            'probe/probed_process.cc',
            'probe/seccomp_gate.cc',
            'probe/security_modules.cc',
            'proc/process_directory.cc',
            'proc/process_files.cc',
            'proc/process_row.cc',
            'proc/process_status.cc',
            'proc/process_table.cc',
            'proc/single_facts.cc',
            'proc/status_line.cc',
            'proc/user_namespace.cc',
            'syscall/core_limit.cc',
            'syscall/disposition.cc',
            'syscall/extended_attributes.cc',
            'syscall/file_capability.cc',
            'syscall/file_lock.cc',
            'syscall/peer_credentials.cc',
            'syscall/pidfd_info.cc',
            'syscall/prctl.cc',
            'watch/bpf_loader.cc',
            'watch/bpf_source.cc',
            'watch/event_reader.cc',
            'watch/process_connector.cc',
            'watch/ring_buffer.cc',
          ],
          # Relative to build/: the path to the package may have a space.
          'cflags_cc': ['-isystem', '<!(node -p "\'../\' + require(\'node-addon-api\').include_dir")'],
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
            'helper/credentials.cc',
            'helper/main.cc',
            'helper/orphan.cc',
            'probe/access_calls.cc',
            'probe/access_probe.cc',
            'probe/asking_child.cc',
            'probe/attach_probe.cc',
            'probe/perf_event.cc',
            'probe/seccomp_gate.cc',
            'probe/security_modules.cc',
            'probe/stopping_attach.cc',
            'proc/process_directory.cc',
            'proc/status_line.cc',
            'syscall/prctl.cc',
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
            'demo/main.cc',
            'demo/memory_search.cc',
            'helper/credentials.cc',
            'helper/orphan.cc',
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
            'launch/capabilities.cc',
            'launch/confine.cc',
            'launch/confine_attempts.cc',
            'launch/confine_report.cc',
            'launch/copy.cc',
            'launch/detached.cc',
            'launch/directory.cc',
            'launch/elf.cc',
            'launch/environment.cc',
            'launch/failure.cc',
            'launch/hold.cc',
            'launch/keeper.cc',
            'launch/limits.cc',
            'launch/main.cc',
            'launch/open_child.cc',
            'launch/options.cc',
            'launch/preloaded.cc',
            'launch/program.cc',
            'launch/refusals.cc',
            'launch/sealed.cc',
            'launch/socket_keeper.cc',
            'launch/user_namespace.cc',
            'probe/access_calls.cc',
            'probe/asking_child.cc',
            'probe/perf_event.cc',
            'probe/seccomp_gate.cc',
            'probe/security_modules.cc',
            'proc/process_directory.cc',
            'proc/process_files.cc',
            'proc/single_facts.cc',
            'proc/status_line.cc',
            'syscall/landlock.cc',
            'syscall/prctl.cc',
          ],
          'cflags': ['-fPIE'],
          'ldflags': ['-pie'],
        },
        {
          # For `run --deny=preload`: loaded into programs of any C library, so it is linked to none, and the
          # stack protector and sanitizers, which call one, have no place in it.
          'target_name': 'tracegate-preload',
          # node-gyp names every loadable_module .node.
          'type': 'executable',
          'product_name': 'tracegate-preload.so',
          'product_extension': '',
          'sources': ['launch/preload.cc'],
          'cflags': ['-fPIC', '-fno-stack-protector'],
          'cflags!': ['-fsanitize=<(sanitize)'],
          'ldflags': ['-shared', '-nostdlib'],
          'ldflags!': ['-fsanitize=<(sanitize)'],
        },
        {
          # For `run --ptracer tree`, built as tracegate-preload. FORTIFY's functions are glibc's alone.
          'target_name': 'tracegate-tree',
          'type': 'executable',
          'product_name': 'tracegate-tree.so',
          'product_extension': '',
          'sources': ['launch/tree.cc'],
          'cflags': ['-fPIC', '-fno-stack-protector', '-U_FORTIFY_SOURCE'],
          'cflags!': ['-fsanitize=<(sanitize)', '-D_FORTIFY_SOURCE=2'],
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
