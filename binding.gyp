{
  'variables': {
    # 1 in our own build: a compiler's new warning must not break a user's install.
    'werror%': 0,
    # '' or 'address,undefined' (scripts/test-sanitizers.mjs).
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
            'native/access_calls.cc',
            'native/access_probe.cc',
            'native/addon.cc',
            'native/asking_child.cc',
            'native/attach_probe.cc',
            'native/core_limit.cc',
            'native/crash_handler.cc',
            'native/debugger_window.cc',
            'native/disposition.cc',
            'native/file_capability.cc',
            'native/file_lock.cc',
            'native/launch.cc',
            'native/launch_inheritance.cc',
            'native/orphaned_helpers.cc',
            'native/peer_credentials.cc',
            'native/pidfd_info.cc',
            'native/perf_admission.cc',
            'native/perf_event.cc',
            'native/prctl.cc',
            'native/probed_process.cc',
            'native/probed_process_call.cc',
            'native/process_directory.cc',
            'native/process_files.cc',
            'native/process_row.cc',
            'native/process_status.cc',
            'native/process_table.cc',
            'native/process_table_call.cc',
            'native/seccomp_gate.cc',
            'native/security_modules.cc',
            'native/user_namespace.cc',
          ],
          'cflags_cc': ['-isystem', '<!(node -p "require(\'path\').resolve(require(\'node-addon-api\').include_dir)")'],
          # A worker that loaded it alone would unload it with its end, and Node keeps an address of ours (crash_handler.cc).
          'ldflags': ['-Wl,-z,nodelete'],
          'defines': [
            'NAPI_VERSION=8',
            'NAPI_DISABLE_CPP_EXCEPTIONS',
            # A worker may be terminated between a probe and its answer: no script can run then.
            'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
          ],
        },
        {
          # The stranger: see native/helper_main.cc.
          'target_name': 'tracegate-helper',
          'type': 'executable',
          'product_extension': '',
          'sources': [
            'native/access_calls.cc',
            'native/access_probe.cc',
            'native/asking_child.cc',
            'native/attach_probe.cc',
            'native/stopping_attach.cc',
            'native/credentials.cc',
            'native/helper_main.cc',
            'native/orphan.cc',
            'native/perf_event.cc',
            'native/prctl.cc',
            'native/process_directory.cc',
            'native/seccomp_gate.cc',
            'native/security_modules.cc',
          ],
          'cflags': ['-fPIE'],
          'ldflags': ['-pie', '-pthread'],
        },
        {
          # The attacker of `tracegate demo`: see native/attacker_main.cc.
          'target_name': 'tracegate-attacker',
          'type': 'executable',
          'product_extension': '',
          'sources': [
            'native/attacker_main.cc',
            'native/credentials.cc',
            'native/memory_search.cc',
            'native/orphan.cc',
          ],
          'cflags': ['-fPIE'],
          'ldflags': ['-pie'],
        },
        {
          # What `tracegate run` becomes: see native/launch_main.cc.
          'target_name': 'tracegate-launch',
          'type': 'executable',
          'product_extension': '',
          'sources': [
            'native/launch_capabilities.cc',
            'native/launch_copy.cc',
            'native/launch_detached.cc',
            'native/launch_directory.cc',
            'native/launch_elf.cc',
            'native/launch_environment.cc',
            'native/launch_failure.cc',
            'native/launch_hold.cc',
            'native/launch_keeper.cc',
            'native/launch_limits.cc',
            'native/launch_main.cc',
            'native/launch_options.cc',
            'native/launch_preloaded.cc',
            'native/launch_program.cc',
            'native/launch_refusals.cc',
            'native/launch_sealed.cc',
            'native/launch_socket_keeper.cc',
            'native/launch_user_namespace.cc',
            'native/prctl.cc',
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
          'sources': ['native/launch_preload.cc'],
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
