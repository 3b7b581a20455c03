# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
#
# Turns test/cases.json into a C++ initialiser at configure time, so that the case runner reads the very
# table that the TypeScript tests read and needs no JSON parser. rbn_generate_cases(FILE) writes FILE: one
# Row{…} (test/native/case_runner_table.h) a row of the table, in the order of its members.

# Sets OUT to the C++ literal of the JSON value at `row.field` (or, where the row lacks it, at
# `defaults.field`). AS: STRING, NUMBER or BOOLEAN. LIST: always a braced list, a scalar being a list of one.
function(rbn_case_field OUT ROW DEFAULTS FIELD AS LIST)
  set(source "${ROW}")
  string(JSON type ERROR_VARIABLE missing TYPE "${ROW}" ${FIELD})
  if(missing)
    set(source "${DEFAULTS}")
    string(JSON type TYPE "${DEFAULTS}" ${FIELD})
  endif()
  set(literals)
  if(type STREQUAL "ARRAY")
    string(JSON count LENGTH "${source}" ${FIELD})
    set(i 0)
    while(i LESS count)
      string(JSON value GET "${source}" ${FIELD} ${i})
      string(JSON value_type TYPE "${source}" ${FIELD} ${i})
      rbn_case_literal(literal "${value}" ${value_type} ${AS})
      list(APPEND literals "${literal}")
      math(EXPR i "${i} + 1")
    endwhile()
  else()
    string(JSON value GET "${source}" ${FIELD})
    rbn_case_literal(literals "${value}" ${type} ${AS})
  endif()
  list(JOIN literals ", " joined)
  if(LIST)
    set(joined "{${joined}}")
  endif()
  set(${OUT} "${joined}" PARENT_SCOPE)
endfunction()

# A JSON value of TYPE as a C++ literal; null becomes NaN, nested arrays (shapes) become braces.
function(rbn_case_literal OUT VALUE TYPE AS)
  if(TYPE STREQUAL "NULL")
    set(literal "NAN")
  elseif(TYPE STREQUAL "ARRAY")
    string(REGEX REPLACE "[ \t\r\n]" "" literal "${VALUE}")
    string(REPLACE "[" "{" literal "${literal}")
    string(REPLACE "]" "}" literal "${literal}")
  elseif(AS STREQUAL "STRING")
    set(literal "\"${VALUE}\"")
  elseif(AS STREQUAL "BOOLEAN")
    if(VALUE)
      set(literal "true")
    else()
      set(literal "false")
    endif()
  else()
    set(literal "${VALUE}")
  endif()
  set(${OUT} "${literal}" PARENT_SCOPE)
endfunction()

function(rbn_generate_cases OUTPUT)
  set(table "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../cases.json")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${table}")
  file(READ "${table}" json)
  string(JSON defaults GET "${json}" defaults)
  string(JSON count LENGTH "${json}" rows)
  # name AS LIST, in the order of Row's members.
  set(fields
    name STRING OFF  shapes NUMBER ON  axis NUMBER ON  training BOOLEAN ON  output STRING ON
    conditioning NUMBER ON  parameters STRING ON  centerWeight NUMBER ON  epsilon NUMBER ON
    dtype STRING ON  instanceShift NUMBER OFF  noise NUMBER OFF  affine BOOLEAN OFF  tags STRING ON)
  set(text "// Made from test/cases.json by test/native/cases.cmake.\n")
  set(i 0)
  while(i LESS count)
    string(JSON row GET "${json}" rows ${i})
    set(literals)
    set(rest ${fields})
    while(rest)
      list(POP_FRONT rest field as is_list)
      rbn_case_field(literal "${row}" "${defaults}" ${field} ${as} ${is_list})
      list(APPEND literals "${literal}")
    endwhile()
    list(JOIN literals ", " joined)
    string(APPEND text "{${joined}},\n")
    math(EXPR i "${i} + 1")
  endwhile()
  file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "${text}" @ONLY)
endfunction()

# The library rbn_cases, of what the table's runners share, and the executable rbn_case_runner, linked to the
# libraries that are given (native/cpu among them).
function(rbn_add_case_runner)
  set(folder "${CMAKE_CURRENT_FUNCTION_LIST_DIR}")
  rbn_generate_cases("${CMAKE_CURRENT_BINARY_DIR}/cases/rbn_cases.inc")
  add_library(rbn_cases STATIC
    ${folder}/case_runner_arrays.cc ${folder}/case_runner_criteria.cc ${folder}/case_runner_data.cc
    ${folder}/case_runner_machine.cc ${folder}/case_runner_table.cc ${folder}/reference.cc)
  target_compile_features(rbn_cases PUBLIC cxx_std_17)
  # The data of a case must be the same bits as in TypeScript, where nothing is fused. -O1 compiles in
  # a third of the time, and what is tested lies elsewhere.
  target_compile_options(rbn_cases PUBLIC -Wall -Wextra -O1 -ffp-contract=off)
  target_include_directories(rbn_cases PUBLIC "${CMAKE_CURRENT_BINARY_DIR}/cases" "${folder}/../..")
  target_link_libraries(rbn_cases PUBLIC ${ARGN} ${CMAKE_DL_LIBS})
  add_executable(rbn_case_runner ${folder}/case_runner.cc ${folder}/case_runner_abi.cc ${folder}/case_runner_bench.cc
    ${folder}/case_runner_edges.cc ${folder}/case_runner_plans.cc ${folder}/case_runner_recording.cc
    ${folder}/case_runner_self.cc)
  target_link_libraries(rbn_case_runner PRIVATE rbn_cases)
endfunction()

# The executable rbn_tensorflow_test: native/tensorflow on a false TensorFlow, of which there is one that lacks a
# function.
function(rbn_add_tensorflow_test)
  set(folder "${CMAKE_CURRENT_FUNCTION_LIST_DIR}")
  foreach(name IN ITEMS rbn_tensorflow_fake rbn_tensorflow_incomplete)
    add_library(${name} MODULE ${folder}/tensorflow_fake.cc)
    target_compile_options(${name} PRIVATE -Wall -Wextra -O1)
  endforeach()
  target_compile_definitions(rbn_tensorflow_incomplete PRIVATE RBN_FAKE_INCOMPLETE)
  add_executable(rbn_tensorflow_test ${folder}/tensorflow_test.cc ${ARGN})
  target_compile_definitions(rbn_tensorflow_test PRIVATE RBN_VERSION="${PROJECT_VERSION}")
  target_link_libraries(rbn_tensorflow_test PRIVATE rbn_cases)
endfunction()

# A false cuBLAS and cuDNN, each also without one of its functions. No test links them: the engine opens them.
function(rbn_add_false_libraries)
  set(folder "${CMAKE_CURRENT_FUNCTION_LIST_DIR}")
  add_library(rbn_false_libraries INTERFACE)
  target_compile_options(rbn_false_libraries INTERFACE -Wall -Wextra -O1 -ffp-contract=off)
  target_include_directories(rbn_false_libraries INTERFACE "${folder}/../../native/simulator/include")
  foreach(library IN ITEMS cublas cudnn)
    foreach(kind IN ITEMS fake incomplete)
      add_library(rbn_${library}_${kind} MODULE ${folder}/${library}_fake.cc)
      target_link_libraries(rbn_${library}_${kind} PRIVATE rbn_false_libraries)
    endforeach()
    target_compile_definitions(rbn_${library}_incomplete PRIVATE RBN_FAKE_INCOMPLETE)
  endforeach()
  # The parts of a cuDNN, which the engine wants beside it. No soname: the loader is not to take them for real ones.
  foreach(part IN ITEMS graph ops cnn)
    add_library(rbn_cudnn_${part} MODULE ${folder}/cudnn_part_fake.cc)
    set_target_properties(rbn_cudnn_${part} PROPERTIES OUTPUT_NAME cudnn_${part} SUFFIX ".so.9" NO_SONAME ON)
  endforeach()
endfunction()

# cmake -DRBN_CASES_OUTPUT=FILE -P cases.cmake writes the file without a project.
if(CMAKE_SCRIPT_MODE_FILE AND RBN_CASES_OUTPUT)
  rbn_generate_cases("${RBN_CASES_OUTPUT}")
endif()
