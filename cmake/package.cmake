# What is installed beside the programs, and the Debian package of it all:
#   cmake --preset package && cmake --build --preset package --target package

# Of the machine, wherever the programs are.
set(MCPGW_CONFIG_DIR /etc/mcp-gateway)

set(systemd ${PROJECT_SOURCE_DIR}/config/systemd)
configure_file(${systemd}/mcp-gateway.service.in
  ${PROJECT_BINARY_DIR}/mcp-gateway.service @ONLY)
# systemd looks in /usr/lib and in /usr/local/lib.
install(FILES ${PROJECT_BINARY_DIR}/mcp-gateway.service
  ${systemd}/mcp-gateway.socket DESTINATION lib/systemd/system)
install(FILES ${systemd}/mcp-gateway.sysusers
  DESTINATION lib/sysusers.d RENAME mcp-gateway.conf)
install(FILES ${systemd}/mcp-gateway.tmpfiles
  DESTINATION lib/tmpfiles.d RENAME mcp-gateway.conf)
install(FILES config/mcp-gateway.logrotate
  DESTINATION ${CMAKE_INSTALL_DATADIR}/mcp-gateway)

set(etc ${PROJECT_SOURCE_DIR}/config/etc)
if(MCPGW_PACKAGE)
  set(debian ${PROJECT_SOURCE_DIR}/config/debian)
  install(FILES ${etc}/config.json DESTINATION ${MCPGW_CONFIG_DIR}
    PERMISSIONS OWNER_READ OWNER_WRITE)
  install(FILES config/mcp-gateway.logrotate
    DESTINATION /etc/logrotate.d RENAME mcp-gateway)
  install(FILES ${debian}/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
  install(FILES CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR}
    RENAME changelog)
  install(FILES ${debian}/changelog DESTINATION ${CMAKE_INSTALL_DOCDIR}
    RENAME changelog.Debian)
  install(FILES ${debian}/lintian-overrides
    DESTINATION share/lintian/overrides RENAME mcp-gateway)
  install(CODE "
    file(GLOB pages \"\$ENV{DESTDIR}/usr/share/man/man*/*\"
      \"\$ENV{DESTDIR}/usr/share/doc/mcp-gateway/changelog*\")
    execute_process(COMMAND gzip -9nf \${pages})")
else()
  install(FILES CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
  # Into a running system, not into a package's staging folder.
  install(CODE "
    if(\"$ENV{DESTDIR}\" STREQUAL \"\")
      execute_process(COMMAND ${PROJECT_SOURCE_DIR}/scripts/setup system
        ${etc}/config.json)
    endif()")
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME mcp-gateway)
set(CPACK_PACKAGE_CONTACT "MCP Gateway maintainers <maintainers@mcp-gateway.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, logrotate")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY
  "one address in front of all your MCP servers")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "mcp-gatewayd starts the MCP (Model Context Protocol) servers that its
configuration names, keeps them running, and offers the tools, resources and
prompts of all of them, and of servers elsewhere, to any number of clients at
one address.

It is made of small processes with as few rights as each can do with, so that
a server that crashes, hangs or lies disturbs nobody but its own callers.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/config/debian/postinst
  ${PROJECT_SOURCE_DIR}/config/debian/prerm
  ${PROJECT_SOURCE_DIR}/config/debian/postrm
  ${PROJECT_SOURCE_DIR}/config/debian/conffiles)
include(CPack)
