# Warnings, hardening and sanitizers: one interface target that all code uses.
add_library(flags INTERFACE)
target_compile_definitions(flags INTERFACE _GNU_SOURCE
  MCPGW_VERSION="${PROJECT_VERSION}")
target_include_directories(flags INTERFACE ${PROJECT_BINARY_DIR}/include)
target_compile_options(flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings
  -Wformat=2 -Wundef -Wvla -Wconversion -Wsign-conversion -Wnull-dereference
  -Wredundant-decls)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(flags INTERFACE -Wcast-align=strict
    -Wimplicit-fallthrough=5 -Wduplicated-cond -Wduplicated-branches
    -Wlogical-op -Wjump-misses-init)
else()
  target_compile_options(flags INTERFACE -Wcast-align -Wimplicit-fallthrough
    -Wno-gnu-statement-expression)
endif()
if(MCPGW_WERROR)
  target_compile_options(flags INTERFACE -Werror)
endif()
if(MCPGW_SANITIZE)
  target_compile_definitions(flags INTERFACE MCPGW_SANITIZE=1)
  target_compile_options(flags INTERFACE -fsanitize=address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(flags INTERFACE -fsanitize=address,undefined)
elseif(MCPGW_HARDENING)
  # clang 14 has zero initialisation behind a second option only.
  target_compile_options(flags INTERFACE -fstack-protector-strong
    -fstack-clash-protection -fcf-protection
    $<$<C_COMPILER_ID:GNU>:-ftrivial-auto-var-init=zero>
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
    $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
  target_link_options(flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
target_link_options(flags INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
