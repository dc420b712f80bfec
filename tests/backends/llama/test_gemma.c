/* Filled below. */
int main(void)
{
    return 0;
}
