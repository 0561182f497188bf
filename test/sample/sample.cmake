# SPDX-License-Identifier: MIT
# The samples of docs/callbacks.md, run as a user would.
add_executable(sample_frame sample/frame.c sample/conversation.c)
add_executable(sample_window sample/window.c sample/conversation.c)
target_link_libraries(sample_window PRIVATE user32)
find_package(Python3 COMPONENTS Interpreter)
foreach(name frame window)
    target_link_libraries(sample_${name} PRIVATE apmsock apmsock_compile)
    if(Python3_Interpreter_FOUND)
        set(emulator "")
        if(CMAKE_CROSSCOMPILING_EMULATOR)
            set(emulator --wine ${CMAKE_CROSSCOMPILING_EMULATOR})
        endif()
        test_entry(NAME sample/${name} LABELS demo COMMAND "${Python3_EXECUTABLE}"
            "${CMAKE_CURRENT_SOURCE_DIR}/sample/sample_test.py" --exe $<TARGET_FILE:sample_${name}> ${emulator})
    endif()
endforeach()
