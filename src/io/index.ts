// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The namespace `rbn.io`.
export {fileSystem} from './file_system';
