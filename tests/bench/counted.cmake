# Build as for an installation what gate.py counts:
# cmake -DSOURCE=… -DBUILD=… -DCOMPILER=… -P counted.cmake
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} --preset release
  -B ${BUILD} -DBUILD_TESTING=ON -DCMAKE_C_COMPILER=${COMPILER}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target
  mcp-gatewayd mcp-gateway-front mcp-gateway-worker mcp-gateway-reaper
  bench-tools COMMAND_ERROR_IS_FATAL ANY)
