# How a test written in Python is added: one test for each file, with a limit
# of time, told where this build's programs are.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

set(MCPGW_TEST_ENVIRONMENT
  MCPGW_BUILD=${PROJECT_BINARY_DIR}
  PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/lib
  PYTHONDONTWRITEBYTECODE=1
  ASAN_OPTIONS=abort_on_error=1:quarantine_size_mb=8
  UBSAN_OPTIONS=print_stacktrace=1)
if(MCPGW_SANITIZE)
  list(APPEND MCPGW_TEST_ENVIRONMENT MCPGW_TEST_PATIENCE=4
    MCPGW_SANITIZE=1)
endif()

# With sanitizers no test may take longer than this: they need half of it, and
# what hangs there costs no more.
set(MCPGW_SANITIZE_TIMEOUT 300)

function(mcpgw_add_test name timeout)
  if(MCPGW_SANITIZE AND timeout GREATER MCPGW_SANITIZE_TIMEOUT)
    set(timeout ${MCPGW_SANITIZE_TIMEOUT})
  endif()
  get_filename_component(label ${name} DIRECTORY)
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout}
    LABELS ${label} ENVIRONMENT "${MCPGW_TEST_ENVIRONMENT}")
endfunction()

function(mcpgw_add_python_test name timeout)
  mcpgw_add_test(${name} ${timeout}
    Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/${name}.py -v)
endfunction()
