# Libraries of others. apt's come through pkg-config; pinned sources lie where tools/deps/fetch.py put them.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(EDIT REQUIRED IMPORTED_TARGET libedit)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)

# wslay brings no pkg-config file.
find_path(WSLAY_INCLUDE_DIR wslay/wslay.h REQUIRED)
find_library(WSLAY_LIBRARY wslay REQUIRED)
add_library(wslay INTERFACE)
target_include_directories(wslay SYSTEM INTERFACE ${WSLAY_INCLUDE_DIR})
target_link_libraries(wslay INTERFACE ${WSLAY_LIBRARY})

set(HEIMNETZ_DEPS_DIR "${CMAKE_SOURCE_DIR}/build/deps" CACHE PATH "pinned sources, filled by tools/deps/fetch.py")
if(NOT EXISTS ${HEIMNETZ_DEPS_DIR}/yyjson/yyjson.c)
    message(FATAL_ERROR "pinned sources are missing in ${HEIMNETZ_DEPS_DIR}: run 'make deps' first")
endif()

add_library(yyjson STATIC ${HEIMNETZ_DEPS_DIR}/yyjson/yyjson.c)
target_include_directories(yyjson SYSTEM PUBLIC ${HEIMNETZ_DEPS_DIR}/yyjson)

add_library(llhttp STATIC ${HEIMNETZ_DEPS_DIR}/llhttp/src/api.c ${HEIMNETZ_DEPS_DIR}/llhttp/src/http.c
    ${HEIMNETZ_DEPS_DIR}/llhttp/src/llhttp.c)
target_include_directories(llhttp SYSTEM PUBLIC ${HEIMNETZ_DEPS_DIR}/llhttp/include)
# SQLite with SQLCipher's pages. A connection is used by one thread at a time (THREADSAFE=2); threads race for its index of
# the write-ahead log by design, so TSan looks only at what calls it.
add_library(sqlcipher STATIC ${HEIMNETZ_DEPS_DIR}/sqlcipher/sqlite3.c)
target_include_directories(sqlcipher SYSTEM PUBLIC ${HEIMNETZ_DEPS_DIR}/sqlcipher)
target_compile_definitions(sqlcipher PRIVATE SQLITE_HAS_CODEC SQLITE_TEMP_STORE=2 SQLCIPHER_CRYPTO_OPENSSL
    SQLITE_EXTRA_INIT=sqlcipher_extra_init SQLITE_EXTRA_SHUTDOWN=sqlcipher_extra_shutdown SQLITE_THREADSAFE=2
    SQLITE_ENABLE_FTS5 SQLITE_DQS=0 SQLITE_DEFAULT_MEMSTATUS=0 SQLITE_DEFAULT_WAL_SYNCHRONOUS=2 SQLITE_OMIT_LOAD_EXTENSION
    SQLITE_OMIT_DEPRECATED SQLITE_OMIT_SHARED_CACHE SQLITE_OMIT_AUTOINIT HAVE_STDINT_H)
target_link_libraries(sqlcipher PRIVATE PkgConfig::CRYPTO Threads::Threads m)
if(HEIMNETZ_SANITIZE STREQUAL "thread")
    target_compile_options(sqlcipher PRIVATE -fno-sanitize=thread)
endif()

foreach(dep yyjson llhttp sqlcipher)
    target_compile_options(${dep} PRIVATE -w -fvisibility=hidden)
endforeach()

# llama.cpp is optional, and written in C++: tools/deps/llama.py builds it, or says why not, and notes that in llama.txt.
if(EXISTS ${HEIMNETZ_DEPS_DIR}/llama.txt)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${HEIMNETZ_DEPS_DIR}/llama.txt)
endif()
if(EXISTS ${HEIMNETZ_DEPS_DIR}/llama/lib/libllama.a)
    enable_language(CXX)
    add_library(llama_cpp INTERFACE)
    target_include_directories(llama_cpp SYSTEM INTERFACE ${HEIMNETZ_DEPS_DIR}/llama/include)
    foreach(part llama ggml ggml-cpu ggml-base)
        target_link_libraries(llama_cpp INTERFACE ${HEIMNETZ_DEPS_DIR}/llama/lib/lib${part}.a)
    endforeach()
    target_link_libraries(llama_cpp INTERFACE Threads::Threads m)
endif()
