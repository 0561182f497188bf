# SPDX-License-Identifier: MIT
# The programs of the documentation, taken out of its pages, built and run: see blocks.py and
# programs_test.py. Python is named by its path, as for the demo.
find_package(Python3 COMPONENTS Interpreter)
if(NOT Python3_Interpreter_FOUND)
    message(WARNING "No Python: the programs of the documentation are not tested.")
    return()
endif()
set(docs_blocks "${CMAKE_CURRENT_SOURCE_DIR}/docs/blocks.py")

# docs_programs(page name...)
function(docs_programs page)
    set(source "${PROJECT_SOURCE_DIR}/docs/${page}.md")
    foreach(name IN LISTS ARGN)
        set(program "${CMAKE_CURRENT_BINARY_DIR}/docs_${name}.c")
        add_custom_command(OUTPUT "${program}"
            COMMAND "${Python3_EXECUTABLE}" "${docs_blocks}" --program ${name} "${source}" "${program}"
            DEPENDS "${source}" "${docs_blocks}" COMMENT "Taking ${name} out of docs/${page}.md" VERBATIM)
        add_executable(docs_${name} "${program}")
        target_link_libraries(docs_${name} PRIVATE apmsock apmsock_compile)
    endforeach()
endfunction()

docs_programs(porting sample)
docs_programs(tutorial first request many timeout closing window)

set(docs_emulator "")
if(CMAKE_CROSSCOMPILING_EMULATOR)
    set(docs_emulator --wine ${CMAKE_CROSSCOMPILING_EMULATOR})
endif()
test_entry(NAME docs LABELS demo COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/docs/programs_test.py"
    --programs $<TARGET_FILE_DIR:docs_first> ${docs_emulator})
