/*
 * store_contract -- what every store must do, as store.h says. A test program for a store hands its own opener over and
 * runs the table.
 */
#ifndef TESTS_STORE_CONTRACT_H
#define TESTS_STORE_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const struct CMUnitTest store_contract[];
extern const size_t store_contract_size;

#endif
