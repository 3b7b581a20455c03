// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Expands the rows of test/cases.json into cases.
#include "case_runner_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace rbn_test {
namespace {

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
#include "rbn_cases.inc"
  };
  return table;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

bool has_tag(const Row& row, const char* tag) {
  return std::find(row.tags.begin(), row.tags.end(), tag) != row.tags.end();
}

// Appends all combinations of a row's fields.
void expand(const Row& row, std::vector<Case>* cases) {
  for (const auto& shape : row.shapes)
    for (int axis : row.axis)
      for (bool training : row.training)
        for (const std::string& output : row.output)
          for (double conditioning : row.conditioning)
            for (const std::string& parameters : row.parameters)
              for (double center_weight : row.center_weight)
                for (double epsilon : row.epsilon)
                  for (const std::string& dtype : row.dtype) {
                    Case c;
                    c.name = row.name + " [";
                    for (size_t i = 0; i < shape.size(); ++i)
                      c.name += (i ? "," : "") + std::to_string(shape[i]);
                    c.name += "]";
                    if (row.axis.size() > 1) c.name += " axis " + std::to_string(axis);
                    c.name += training ? " training" : " frozen";
                    c.name += " " + output;
                    if (row.conditioning.size() > 1)
                      c.name += " mean/std " + number(conditioning);
                    if (row.parameters.size() > 1) c.name += " " + parameters;
                    if (row.center_weight.size() > 1)
                      c.name += " centre " +
                                (std::isnan(center_weight) ? "free" : number(center_weight));
                    if (row.epsilon.size() > 1) c.name += " epsilon " + number(epsilon);
                    c.name += " " + dtype;
                    c.shape = shape;
                    c.axis = axis < 0 ? axis + static_cast<int>(shape.size()) : axis;
                    c.training = training;
                    c.relu = output == "relu" || output == "residual_relu";
                    c.residual = output == "residual" || output == "residual_relu";
                    c.conditioning = conditioning;
                    c.parameters = parameters;
                    c.center_weight = center_weight;
                    c.epsilon = epsilon;
                    c.bfloat16 = dtype == "bfloat16";
                    c.instance_shift = row.instance_shift;
                    c.noise = row.noise;
                    c.affine = row.affine;
                    c.small = has_tag(row, "small");
                    c.large = has_tag(row, "large");
                    cases->push_back(std::move(c));
                  }
}

}  // namespace

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Row& row : rows()) expand(row, &cases);
  return cases;
}

}  // namespace rbn_test
