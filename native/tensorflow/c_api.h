// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The part of TensorFlow's C API that the ops need, in our own declarations, looked up at run time in the
// library that somebody else has loaded. Nothing here is linked: without TensorFlow in the process this
// code does nothing. All of it is plain C of TensorFlow 2 (see docs/tfjs-node.md for versions).
#ifndef RBN_TENSORFLOW_C_API_H_
#define RBN_TENSORFLOW_C_API_H_

#include <stddef.h>
#include <stdint.h>

namespace rbn::tensorflow {

struct TF_Status;
struct TF_Buffer;
struct TF_Graph;
struct TF_Tensor;
struct TF_OpDefinitionBuilder;
struct TF_ShapeHandle;
struct TF_ShapeInferenceContext;
struct TF_KernelBuilder;
struct TF_OpKernelContext;

// As TF_Code and TF_DataType; both are C enums, passed as int.
enum Code { kOk = 0, kInvalidArgument = 3, kResourceExhausted = 8, kInternal = 13 };
enum DataType { kFloat = 1, kInt32 = 3 };

using ShapeFunction = void (*)(TF_ShapeInferenceContext*, TF_Status*);
// Our kernels have no state: TensorFlow is given null for what creates and deletes kernel objects.
using ComputeKernel = void (*)(void* null, TF_OpKernelContext*);
using CreateKernel = void* (*)(void* construction);
using DeleteKernel = void (*)(void* kernel);

// F(result, name, arguments), in the order in which a missing one is reported.
#define RBN_TENSORFLOW_FUNCTIONS(F)                                                               \
  F(TF_Status*, TF_NewStatus, (void))                                                             \
  F(void, TF_DeleteStatus, (TF_Status*))                                                          \
  F(void, TF_SetStatus, (TF_Status*, int code, const char* message))                              \
  F(int, TF_GetCode, (const TF_Status*))                                                          \
  F(const char*, TF_Message, (const TF_Status*))                                                  \
  F(TF_Buffer*, TF_NewBuffer, (void))                                                             \
  F(void, TF_DeleteBuffer, (TF_Buffer*))                                                          \
  F(TF_Graph*, TF_NewGraph, (void))                                                               \
  F(void, TF_DeleteGraph, (TF_Graph*))                                                            \
  F(void, TF_GraphGetOpDef, (TF_Graph*, const char* op, TF_Buffer* definition, TF_Status*))       \
  F(TF_OpDefinitionBuilder*, TF_NewOpDefinitionBuilder, (const char* op))                         \
  F(void, TF_OpDefinitionBuilderAddAttr, (TF_OpDefinitionBuilder*, const char* spec))             \
  F(void, TF_OpDefinitionBuilderAddInput, (TF_OpDefinitionBuilder*, const char* spec))            \
  F(void, TF_OpDefinitionBuilderAddOutput, (TF_OpDefinitionBuilder*, const char* spec))           \
  F(void, TF_OpDefinitionBuilderSetShapeInferenceFunction, (TF_OpDefinitionBuilder*, ShapeFunction)) \
  F(void, TF_RegisterOpDefinition, (TF_OpDefinitionBuilder*, TF_Status*))                         \
  F(TF_ShapeHandle*, TF_NewShapeHandle, (void))                                                   \
  F(void, TF_DeleteShapeHandle, (TF_ShapeHandle*))                                                \
  F(void, TF_ShapeInferenceContextGetInput,                                                       \
    (TF_ShapeInferenceContext*, int index, TF_ShapeHandle*, TF_Status*))                          \
  F(void, TF_ShapeInferenceContextSetOutput,                                                      \
    (TF_ShapeInferenceContext*, int index, TF_ShapeHandle*, TF_Status*))                          \
  F(void, TF_ShapeInferenceContextSetUnknownShape, (TF_ShapeInferenceContext*, TF_Status*))       \
  F(TF_KernelBuilder*, TF_NewKernelBuilder,                                                       \
    (const char* op, const char* device, CreateKernel, ComputeKernel, DeleteKernel))              \
  F(void, TF_KernelBuilder_HostMemory, (TF_KernelBuilder*, const char* argument))                 \
  F(void, TF_RegisterKernelBuilder, (const char* name, TF_KernelBuilder*, TF_Status*))            \
  F(int, TF_NumInputs, (TF_OpKernelContext*))                                                     \
  F(int, TF_NumOutputs, (TF_OpKernelContext*))                                                    \
  F(int, TF_ExpectedOutputDataType, (TF_OpKernelContext*, int index))                             \
  F(void, TF_GetInput, (TF_OpKernelContext*, int index, TF_Tensor**, TF_Status*))                 \
  F(TF_Tensor*, TF_AllocateOutput,                                                                \
    (TF_OpKernelContext*, int index, int type, const int64_t* sizes, int rank, size_t bytes,      \
     TF_Status*))                                                                                 \
  F(void, TF_OpKernelContext_Failure, (TF_OpKernelContext*, TF_Status*))                          \
  F(int, TF_NumDims, (const TF_Tensor*))                                                          \
  F(int64_t, TF_Dim, (const TF_Tensor*, int index))                                               \
  F(size_t, TF_TensorByteSize, (const TF_Tensor*))                                                \
  F(void*, TF_TensorData, (const TF_Tensor*))                                                     \
  F(void, TF_DeleteTensor, (TF_Tensor*))

struct CApi {
#define RBN_DECLARE(result, name, arguments) result(*name) arguments;
  RBN_TENSORFLOW_FUNCTIONS(RBN_DECLARE)
#undef RBN_DECLARE
};

// Fills `api` from what dlopen gave, its dependencies included. Returns null, or the name of the first function
// that is not there.
const char* load(void* library, CApi* api);

// A status that deletes itself.
class Status {
 public:
  explicit Status(const CApi& api) : api_(api), status_(api.TF_NewStatus()) {}
  ~Status() { api_.TF_DeleteStatus(status_); }
  Status(const Status&) = delete;
  Status& operator=(const Status&) = delete;

  operator TF_Status*() const { return status_; }
  bool ok() const { return api_.TF_GetCode(status_) == kOk; }
  const char* message() const { return api_.TF_Message(status_); }

 private:
  const CApi& api_;
  TF_Status* const status_;
};

}  // namespace rbn::tensorflow

#endif  // RBN_TENSORFLOW_C_API_H_
