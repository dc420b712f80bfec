#define V_LANES 4u
#define ROWS sample_rows_any
#define ISA "any"
#include "sample/rows_body.h"
