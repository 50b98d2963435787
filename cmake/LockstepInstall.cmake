# What `cmake --install` puts where, as two components that may share a machine:
#
#   cmake --install build/release --component controller
#   cmake --install build/release --component agent
#
# Programs, certbot's plugin and hook program, systemd units with their users and directories. Nothing
# is started, enabled or created: `systemd-sysusers`, `systemd-tmpfiles --create` and `systemctl enable`
# are the operator's (docs/operations.md).
include(GNUInstallDirs)
set(unit_dir lib/systemd/system)
set(configured ${CMAKE_BINARY_DIR}/systemd)
set(systemd_sources ${CMAKE_SOURCE_DIR}/deploy/systemd)

function(lockstep_install_program component destination)
  foreach(program IN LISTS ARGN)
    if(TARGET ${program})
      install(TARGETS ${program} RUNTIME DESTINATION ${destination} COMPONENT ${component})
    endif()
  endforeach()
endfunction()
lockstep_install_program(controller ${CMAKE_INSTALL_BINDIR} lockstep-controller lockstep)
lockstep_install_program(agent ${CMAKE_INSTALL_BINDIR} lockstep-agent lockstep-quicd)
lockstep_install_program(controller ${CMAKE_INSTALL_LIBEXECDIR}/lockstep lockstep-certbot-hook)
install(DIRECTORY controller/drivers/certbot/plugin/ DESTINATION ${CMAKE_INSTALL_DATADIR}/lockstep/certbot
  COMPONENT controller OPTIONAL PATTERN __pycache__ EXCLUDE PATTERN CMakeLists.txt EXCLUDE)

foreach(component controller agent)
  configure_file(${systemd_sources}/lockstep-${component}.service.in
    ${configured}/lockstep-${component}.service @ONLY)
  install(FILES ${configured}/lockstep-${component}.service DESTINATION ${unit_dir} COMPONENT ${component})
  install(FILES ${systemd_sources}/sysusers-${component}.conf DESTINATION lib/sysusers.d
    RENAME lockstep-${component}.conf COMPONENT ${component})
  install(FILES ${systemd_sources}/tmpfiles-${component}.conf DESTINATION lib/tmpfiles.d
    RENAME lockstep-${component}.conf COMPONENT ${component})
endforeach()
configure_file(${systemd_sources}/lockstep-quicd.service.in ${configured}/lockstep-quicd.service @ONLY)
install(FILES ${configured}/lockstep-quicd.service DESTINATION ${unit_dir} COMPONENT agent)
configure_file(${systemd_sources}/caddy.service.d-lockstep.conf.in
  ${configured}/caddy.service.d/lockstep.conf @ONLY)
install(FILES ${systemd_sources}/sysctl-agent.conf DESTINATION lib/sysctl.d
  RENAME 60-lockstep-agent.conf COMPONENT agent)
# Beside, not in, systemd's folders: this machine's Caddy may serve something else.
install(FILES ${configured}/caddy.service.d/lockstep.conf
  DESTINATION ${CMAKE_INSTALL_DATADIR}/lockstep/caddy.service.d COMPONENT agent)
install(FILES ${systemd_sources}/caddy.json DESTINATION ${CMAKE_INSTALL_DATADIR}/lockstep COMPONENT agent)
install(FILES deploy/completions/lockstep.bash RENAME lockstep COMPONENT controller
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES deploy/completions/_lockstep COMPONENT controller
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
