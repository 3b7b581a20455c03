// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// See ops.h. A specification that TensorFlow can not parse ends the process: change these only with the tests.
#include "ops.h"

namespace rbn::tensorflow {
namespace {

// Trivially destructible: TensorFlow's own threads may outlive this library's destructors.
CApi registered_api;

// 'Forward' → 'TfjsRbnForward_0_1_0'; a name may have letters, digits and underscores only.
std::string versioned(const char* name) {
  std::string text = std::string("TfjsRbn") + name + "_" RBN_VERSION;
  for (char& c : text) {
    const bool allowed = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!allowed) c = '_';
  }
  return text;
}

// All outputs are unknown but those named here. The C API tells a shape function no attribute but types, so it
// can not know where an output behind a list begins.
void copy_shape(TF_ShapeInferenceContext* context, int input, int output, TF_Status* status) {
  const CApi& api = tensorflow_api();
  TF_ShapeHandle* shape = api.TF_NewShapeHandle();
  api.TF_ShapeInferenceContextGetInput(context, input, shape, status);
  if (api.TF_GetCode(status) == kOk) api.TF_ShapeInferenceContextSetOutput(context, output, shape, status);
  api.TF_DeleteShapeHandle(shape);
}

void forward_shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  tensorflow_api().TF_ShapeInferenceContextSetUnknownShape(context, status);
  if (tensorflow_api().TF_GetCode(status) == kOk) copy_shape(context, /*x*/ 1, /*y*/ 0, status);
}

void backward_shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  tensorflow_api().TF_ShapeInferenceContextSetUnknownShape(context, status);
  constexpr int kX = 1, kCenterWeight = 3, kDx = 0, kFirstParameter = 1, kParameters = 5;
  if (tensorflow_api().TF_GetCode(status) == kOk) copy_shape(context, kX, kDx, status);
  for (int i = 0; i < kParameters && tensorflow_api().TF_GetCode(status) == kOk; ++i) {
    copy_shape(context, kCenterWeight, kFirstParameter + i, status);
  }
}

}  // namespace

const CApi& tensorflow_api() { return registered_api; }
void set_tensorflow_api(const CApi& api) { registered_api = api; }

OpDefinition forward_op() {
  return {
      versioned("Forward"),
      {"num_inputs: int >= 4", "num_outputs: int >= 1", "num_mask: int >= 0"},
      {"options: int32", "inputs: num_inputs * float"},
      {"outputs: num_outputs * float", "mask: num_mask * int32"},
      forward_shapes,
  };
}

OpDefinition backward_op() {
  return {
      versioned("Backward"),
      {"num_inputs: int >= 7", "num_mask: int >= 0"},
      {"options: int32", "inputs: num_inputs * float", "mask: num_mask * int32"},
      {"dx: float", "dgamma: float", "dbeta: float", "dcenter_weight: float",
       "dscale_weight: float", "dscale_bias: float", "dresidual: num_mask * float"},
      backward_shapes,
  };
}

}  // namespace rbn::tensorflow
