#include "http/date.h"

#include <string.h>
#include <time.h>

static void put2(char *to, int n)
{
    to[0] = (char)('0' + n / 10);
    to[1] = (char)('0' + n % 10);
}

void http_date_write(uint64_t s, char to[HTTP_DATE_BYTES])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t at = (time_t)s;
    struct tm tm;
    gmtime_r(&at, &tm);
    int year = tm.tm_year + 1900;
    memcpy(to, "ddd, 00 mmm 0000 00:00:00 GMT", HTTP_DATE_BYTES);
    memcpy(to, days + 3 * (size_t)tm.tm_wday, 3);
    put2(to + 5, tm.tm_mday);
    memcpy(to + 8, months + 3 * (size_t)tm.tm_mon, 3);
    put2(to + 12, year / 100 % 100);
    put2(to + 14, year % 100);
    put2(to + 17, tm.tm_hour);
    put2(to + 20, tm.tm_min);
    put2(to + 23, tm.tm_sec);
}
