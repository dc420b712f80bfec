# What `make install` lays down beside programs and plug-ins (those install themselves: cmake/folders.cmake).
install(FILES ${CMAKE_SOURCE_DIR}/include/aether/backend.h DESTINATION include/aether)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE ${CMAKE_BINARY_DIR}/sbom.spdx.json ${CMAKE_BINARY_DIR}/third-party.txt
    DESTINATION share/doc/heimnetz)
