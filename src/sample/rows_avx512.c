#if defined(__x86_64__)
#define V_LANES 16u
#define ROWS sample_rows_avx512
#define ISA "avx512"
#include "sample/rows_body.h"
#endif
