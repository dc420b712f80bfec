# How everything is compiled. A preset sets CMAKE_BUILD_TYPE and HEIMNETZ_SANITIZE ("", address, thread, fuzzer).
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Programs are position independent, as are the static libraries that plug-ins take in.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(HEIMNETZ_SANITIZE "" CACHE STRING "address, thread or fuzzer; empty for none")
option(HEIMNETZ_TESTS "build the tests" ON)
option(HEIMNETZ_WERROR "warnings are errors (CI)" OFF)

# Optimised, with debug information (install strips it); no -DNDEBUG: assert guards against our own bugs and stays on.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O3 -g")

find_program(HEIMNETZ_CCACHE ccache)
if(HEIMNETZ_CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${HEIMNETZ_CCACHE})
endif()

# Flags of our own code; pinned sources of others are built without the warnings.
add_library(heimnetz_flags INTERFACE)
target_compile_definitions(heimnetz_flags INTERFACE _GNU_SOURCE HEIMNETZ_VERSION="${PROJECT_VERSION}")
target_compile_options(heimnetz_flags INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings
    -Wundef -Wvla -Wformat=2 -fvisibility=hidden -fno-common
    -Werror=implicit-function-declaration -Werror=incompatible-pointer-types -Werror=int-conversion)
if(HEIMNETZ_WERROR)
    target_compile_options(heimnetz_flags INTERFACE -Werror)
endif()
target_include_directories(heimnetz_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)

# Paths in messages and debug information start at the root: the same sources give the same binary in any folder.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)

if(HEIMNETZ_SANITIZE STREQUAL "address")
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
elseif(HEIMNETZ_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
    add_link_options(-fsanitize=thread)
elseif(HEIMNETZ_SANITIZE STREQUAL "fuzzer")
    add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
else()
    # What Debian's own hardening uses; the sanitizers do not go together with the first.
    add_compile_options(-U_FORTIFY_SOURCE "$<$<CONFIG:RelWithDebInfo>:-D_FORTIFY_SOURCE=2>"
        -fstack-protector-strong -fstack-clash-protection)
    add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)
endif()
