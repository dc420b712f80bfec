/* A shared object that is no plug-in. */
__attribute__((visibility("default"))) int aether_nothing(void);

int aether_nothing(void)
{
    return 0;
}
