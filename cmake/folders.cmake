# One static library a folder of src/, one program or plug-in a target; sources are found by name.

# What `make` builds: programs and plug-ins, not the tests.
add_custom_target(product)

# heimnetz_folder(kit LIBS a b): src/kit/*.c as library `kit`.
function(heimnetz_folder name)
    cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.c)
    if(NOT sources)
        return()
    endif()
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC heimnetz_flags ${ARG_LIBS})
endfunction()

# heimnetz_program(aethercore LIBS api): src/aethercore/main.c as bin/aethercore; the rest of the folder is a library of its
# own, aethercore_parts, so that tests can link it.
function(heimnetz_program name)
    cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.c)
    if(NOT sources)
        return()
    endif()
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${name}/main.c)
    add_library(${name}_parts STATIC ${sources})
    target_link_libraries(${name}_parts PUBLIC heimnetz_flags ${ARG_LIBS})
    add_executable(${name} ${CMAKE_CURRENT_SOURCE_DIR}/${name}/main.c)
    target_link_libraries(${name} PRIVATE ${name}_parts)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    install(TARGETS ${name} RUNTIME DESTINATION bin)
    add_dependencies(product ${name})
endfunction()

# heimnetz_backend(echo SOURCES … LIBS …): lib/aether/echo.so, one exported symbol.
function(heimnetz_backend name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
    add_library(backend_${name} MODULE ${ARG_SOURCES})
    target_link_libraries(backend_${name} PRIVATE heimnetz_flags ${ARG_LIBS})
    target_link_options(backend_${name} PRIVATE -Wl,--exclude-libs,ALL)
    if(HEIMNETZ_SANITIZE STREQUAL "")
        target_link_options(backend_${name} PRIVATE -Wl,-z,defs)
    endif()
    set_target_properties(backend_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/aether)
    install(TARGETS backend_${name} LIBRARY DESTINATION lib/aether)
    add_dependencies(product backend_${name})
endfunction()
