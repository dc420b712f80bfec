# What `make install` lays down beside programs and plug-ins (those install themselves: cmake/folders.cmake).
install(FILES ${CMAKE_SOURCE_DIR}/include/aether/backend.h DESTINATION include/aether)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE ${CMAKE_BINARY_DIR}/sbom.spdx.json ${CMAKE_BINARY_DIR}/third-party.txt
    DESTINATION share/doc/heimnetz)

# The manual and the completions come from the program's own tables.
set(made ${CMAKE_BINARY_DIR}/share)
set(made_files)
foreach(row "__manual;heimnetz.1;man/man1" "completions bash;heimnetz;bash-completion/completions"
        "completions zsh;_heimnetz;zsh/site-functions" "completions fish;heimnetz.fish;fish/vendor_completions.d")
    list(GET row 0 command)
    list(GET row 1 name)
    list(GET row 2 folder)
    set(file ${made}/${folder}/${name})
    add_custom_command(OUTPUT ${file} DEPENDS heimnetz VERBATIM
        COMMAND ${CMAKE_COMMAND} -E make_directory ${made}/${folder}
        COMMAND sh -c "HEIMNETZ_NAME=heimnetz \"$0\" ${command} >\"$1\"" $<TARGET_FILE:heimnetz> ${file})
    install(FILES ${file} DESTINATION share/${folder})
    list(APPEND made_files ${file})
endforeach()
add_custom_target(manual ALL DEPENDS ${made_files})
add_dependencies(product manual)
