# What `cmake --install` and the Debian package bring: the program with its man page and completions, the library with its headers, and how
# CMake and pkg-config find it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS lvmc EXPORT lvm RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS lvm_c EXPORT lvm LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/lvm/lvm.h include/lvm/lvm.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lvm)

set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lvm)
install(EXPORT lvm NAMESPACE lvm:: FILE lvmTargets.cmake DESTINATION ${cmake_dir})
configure_package_config_file(packaging/lvmConfig.cmake.in ${CMAKE_BINARY_DIR}/lvmConfig.cmake INSTALL_DESTINATION ${cmake_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/lvmConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_BINARY_DIR}/lvmConfig.cmake ${CMAKE_BINARY_DIR}/lvmConfigVersion.cmake DESTINATION ${cmake_dir})
# The package may be moved: its prefix is told from where lvm.pc lies.
file(RELATIVE_PATH LVM_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" LVM_PC_PREFIX "${LVM_PC_PREFIX}")
configure_file(packaging/lvm.pc.in ${CMAKE_BINARY_DIR}/lvm.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/lvm.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES docs/man/lvmc.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/man/lvm.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
# Completions are what the program itself says.
install(CODE "
  foreach(shell_file bash:lvmc zsh:_lvmc fish:lvmc.fish)
    string(REPLACE \":\" \";\" pair \${shell_file})
    list(GET pair 0 shell)
    list(GET pair 1 file)
    execute_process(COMMAND \"$<TARGET_FILE:lvmc>\" completion \${shell} OUTPUT_FILE \"${CMAKE_BINARY_DIR}/completion-\${shell}\" COMMAND_ERROR_IS_FATAL ANY)
    set(to_bash bash-completion/completions)
    set(to_zsh zsh/site-functions)
    set(to_fish fish/vendor_completions.d)
    file(INSTALL DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/\${to_\${shell}}\" TYPE FILE RENAME \${file} FILES \"${CMAKE_BINARY_DIR}/completion-\${shell}\")
  endforeach()
")
install(DIRECTORY examples/ DESTINATION ${CMAKE_INSTALL_DATADIR}/lvm/examples PATTERN "hosts" EXCLUDE)
install(DIRECTORY examples/hosts DESTINATION ${CMAKE_INSTALL_DATADIR}/lvm/examples)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME lvmc)  # `lvm` is Debian's logical volume manager
set(CPACK_PACKAGE_CONTACT "the lvm developers <lvm@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION math)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
include(CPack)
