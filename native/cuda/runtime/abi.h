// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The C ABI's functions for memory, copies, time, recordings and libraries, as engine.h describes them; engine.cc puts them
// into its table.
#ifndef RBN_CUDA_RUNTIME_ABI_H_
#define RBN_CUDA_RUNTIME_ABI_H_

#include "../engine.h"

namespace rbn {

// memory.cc
int32_t allocate(RbnContext* context, uint64_t bytes, void** pointer, RbnError* error);
int32_t release(RbnContext* context, void* pointer, RbnError* error);
int32_t allocated_bytes(RbnContext* context, const void* pointer, uint64_t* bytes);
int32_t memory(RbnContext* context, RbnMemory* memory, RbnError* error);
int32_t set_memory_limit(RbnContext* context, uint64_t bytes, RbnError* error);
int32_t fail_allocation(RbnContext* context, uint64_t k, RbnError* error);

// transfer.cc
int32_t upload(RbnContext* context, void* to, const void* from_host, uint64_t bytes, RbnError* error);
int32_t download(RbnContext* context, void* to_host, const void* from, uint64_t bytes, RbnError* error);
int32_t set_synchronous(RbnContext* context, int32_t on, RbnError* error);
int32_t synchronize(RbnContext* context, RbnError* error);
int32_t synchronize_device(RbnContext* context, RbnError* error);
int32_t download_begin(RbnContext* context, const void* from, uint64_t bytes, RbnDownload** download,
                       RbnError* error);
int32_t download_finish(RbnDownload* download, void* to_host, RbnError* error);
void download_free(RbnDownload* download);

// ../libraries/libraries.cc
const char* library_file(int32_t library);
const char* library_headers(int32_t library);
int32_t library_open(RbnContext* context, int32_t library, const char* const* candidates, int32_t count,
                     RbnLibraryInfo* info, RbnError* error);
int32_t set_products(RbnContext* context, int32_t products, RbnError* error);

// event.cc
int32_t event_record(RbnContext* context, RbnEvent** event, RbnError* error);
int32_t event_elapsed(RbnContext* context, const RbnEvent* begin, const RbnEvent* end,
                      float* milliseconds, RbnError* error);
void event_free(RbnEvent* event);

// recording.cc
int32_t record_begin(RbnContext* context, RbnError* error);
int32_t record_end(RbnContext* context, RbnRecording** recording, RbnError* error);
int32_t record_play(RbnContext* context, const RbnRecording* recording, RbnError* error);
void record_free(RbnRecording* recording);

}  // namespace rbn

#endif  // RBN_CUDA_RUNTIME_ABI_H_
