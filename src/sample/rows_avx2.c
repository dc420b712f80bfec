#if defined(__x86_64__)
#define V_LANES 8u
#define ROWS sample_rows_avx2
#define ISA "avx2"
#include "sample/rows_body.h"
#endif
