{
  # The addon: any C++17 compiler builds it, CUDA is not needed. The CUDA engine is a library of its own
  # (CMakeLists.txt), which the addon opens at run time.
  'targets': [
    {
      'target_name': 'rbn',
      'sources': [
        '<!@(node -p "const s = require(\'./native/sources.json\'); [...s.addon, ...s.cpu, ...s.tensorflow].join(\' \')")',
      ],
      'dependencies': ['<!(node -p "require(\'node-addon-api\').targets"):node_addon_api_except'],
      'defines': [
        'NAPI_VERSION=8',
        # A worker thread that is terminated takes no exception any more; without this the process would end.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
        'RBN_VERSION="<!(node -p "require(\'./package.json\').version")"',
      ],
      'cflags_cc': ['-std=c++17', '-O3', '-Wall', '-Wextra', '-fvisibility=hidden'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-fno-exceptions', '-fno-rtti'],
      'libraries': ['-ldl', '-lpthread'],
      # TensorFlow keeps pointers to our kernels, and Node unloads the addons of a worker thread when that ends.
      'ldflags': ['-Wl,-z,nodelete'],
      'conditions': [
        # ASan and UBSan, for `npm run test:sanitizers`.
        ['"<!(node -p "process.env.RBN_SANITIZE || \'\'")"=="address"', {
          'cflags_cc': ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined', '-fno-omit-frame-pointer', '-O1'],
          'ldflags': ['-fsanitize=address,undefined'],
        }],
      ],
    },
  ],
}
