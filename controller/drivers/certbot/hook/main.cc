// lockstep-certbot-hook: see run_hook.h.
#include "controller/drivers/certbot/hook/run_hook.h"

int main(int argc, char** argv) {
  return lockstep::controller::drivers::certbot::RunHook(argc, argv);
}
