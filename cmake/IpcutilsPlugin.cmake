# SPDX-License-Identifier: MIT
#
# ipc_add_plugin(MECHANISM SOURCES file... [LIBRARIES library...] [NO_INSTALL])
#
# Build ipc-MECHANISM.so, a plugin of ipcutils: it exports ipc_plugin_entry and nothing else, leaves no symbol
# undefined, and carries its own C++ runtime, since binding a shared libstdc++ costs a command more than all the rest
# of its start. Linked against ipc::plugin_sdk and the libraries named, nothing else. Unless NO_INSTALL is given it is
# installed into the plugin directory of the prefix, and named in the global property IPCUTILS_MECHANISMS. Part of the
# installed CMake package, so that a plugin builds alike in this tree and in its own.
include(GNUInstallDirs)
if(NOT IPCUTILS_PLUGIN_INSTALL_DIRECTORY) # the installed package says where the commands look, below the prefix
    set(IPCUTILS_PLUGIN_INSTALL_DIRECTORY "${CMAKE_INSTALL_LIBDIR}/ipcutils")
endif()
set(IPCUTILS_PLUGIN_SYMBOLS "${CMAKE_CURRENT_LIST_DIR}/plugin.map")
set(IPCUTILS_PLUGIN_RUNTIME "${CMAKE_CURRENT_LIST_DIR}/plugin_runtime.cpp")

function(ipc_add_plugin mechanism)
    cmake_parse_arguments(PARSE_ARGV 1 PLUGIN "NO_INSTALL" "" "SOURCES;LIBRARIES")
    set(target "ipc-${mechanism}")
    add_library(${target} MODULE ${PLUGIN_SOURCES})
    set_target_properties(${target} PROPERTIES
        PREFIX "" SUFFIX ".so"
        CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON C_STANDARD 11
        C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
        LINK_DEPENDS "${IPCUTILS_PLUGIN_SYMBOLS}")
    if(IPCUTILS_PLUGIN_OUTPUT_DIRECTORY)
        set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${IPCUTILS_PLUGIN_OUTPUT_DIRECTORY}")
    endif()
    target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections)
    target_link_libraries(${target} PRIVATE ipc::plugin_sdk ${PLUGIN_LIBRARIES})
    target_link_options(${target} PRIVATE
        "LINKER:--version-script=${IPCUTILS_PLUGIN_SYMBOLS}" LINKER:--exclude-libs,ALL LINKER:--gc-sections)
    if(NOT IPCUTILS_SANITIZE) # a sanitizer's runtime is the executable's, and shared
        target_link_options(${target} PRIVATE LINKER:-z,defs LINKER:-z,noseparate-code -static-libstdc++ -static-libgcc)
        if(PLUGIN_SOURCES MATCHES "[.](cpp|cc|cxx)(;|$)")
            target_sources(${target} PRIVATE "${IPCUTILS_PLUGIN_RUNTIME}")
        endif()
    endif()
    if(NOT PLUGIN_NO_INSTALL)
        set_property(GLOBAL APPEND PROPERTY IPCUTILS_MECHANISMS "${mechanism}")
        install(TARGETS ${target} LIBRARY DESTINATION "${IPCUTILS_PLUGIN_INSTALL_DIRECTORY}")
    endif()
endfunction()
