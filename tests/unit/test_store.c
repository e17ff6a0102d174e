/* The contract on SQLite. */
#include "store_contract.h"

int
main(void)
{
	return _cmocka_run_group_tests("store", store_contract, store_contract_size, NULL, NULL);
}
